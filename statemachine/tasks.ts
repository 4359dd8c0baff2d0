import type { Catcher, PayloadTemplate, TaskState } from './asl.ts';
import { DYNAMODB_UNDER_LOAD, LAMBDA_UNDER_LOAD, PERMANENT_ERRORS, STEP_FAILED } from './retry.ts';

type Transition = { Next: string } | { End: true };

/** The name under which the ARN of a step's function is substituted: `RecordResult` gives `RecordResultFunction`. */
export function functionSubstitution(step: string): string {
  return `${step}Function`;
}

/** A step of `lambdas/steps`, which gets the whole state or the `payload` given; `result` picks what the state keeps of its answer. */
export function step(
  name: string,
  options: {
    /** Whose function it invokes, where that is another step's. */
    of?: string;
    payload?: PayloadTemplate;
    result?: { path: string; keep: PayloadTemplate };
    /** What leaves the state: nothing where it is null. */
    output?: null;
    catch?: Catcher[];
  } & Transition,
): TaskState {
  const { of = name, payload, result, output, catch: catchers, ...transition } = options;
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Parameters: {
      FunctionName: `\${${functionSubstitution(of)}}`,
      ...(payload ? { Payload: payload } : { 'Payload.$': '$' }),
    },
    ...(result && { ResultSelector: result.keep }),
    ResultPath: result?.path ?? null,
    ...(output === null && { OutputPath: null }),
    TimeoutSeconds: 900, // the most that a Lambda function can run
    Retry: [LAMBDA_UNDER_LOAD, PERMANENT_ERRORS, STEP_FAILED],
    ...(catchers && { Catch: catchers }),
    ...transition,
  } as TaskState;
}

/** One conditional update of one row, without a function between. */
export function updateItem(
  parameters: PayloadTemplate,
  options: { catch: Catcher[] } & Transition,
): TaskState {
  const { catch: catchers, ...transition } = options;
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::dynamodb:updateItem',
    Parameters: parameters,
    ResultPath: null,
    TimeoutSeconds: 60,
    Retry: [DYNAMODB_UNDER_LOAD],
    Catch: catchers,
    ...transition,
  } as TaskState;
}

/** Catches whatever AWS lets be caught, and keeps `{Error, Cause}` as they are for the step that records them. */
export function onError(next: string): Catcher {
  return { ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: next };
}
