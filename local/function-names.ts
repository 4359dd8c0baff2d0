import { EVENT_RULES } from '../core/events.ts';
import { SCHEDULE_SECONDS } from './schedules.ts';

/** The name that a function has on AWS, in an environment called `local`: RecordResult is `cody-batch-local-record-result`. */
export function functionNameOf(name: string): string {
  const words = name.replace(/(?<=.)(?=[A-Z])/g, '-').toLowerCase();
  return `cody-batch-local-${words}`;
}

/** The names of all functions of a stack whose state machine has these steps. */
export function functionNames(steps: readonly string[]): string[] {
  return [
    ...steps,
    ...Object.keys(EVENT_RULES),
    ...Object.keys(SCHEDULE_SECONDS),
    'JobChanged',
    'api',
    'credentials',
  ].map(functionNameOf);
}
