import { setTimeout as sleep } from 'node:timers/promises';
import type { StateBody } from './execution.ts';
import { compilePath } from './expression.ts';
import type { Json } from './payload.ts';
import type { WaitState } from './schema.ts';
import { MAX_SECONDS } from './schema-fields.ts';
import { executionStopped, runtimeError } from './state-error.ts';

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** A Wait. `timeScale` divides its time. The library's own Wait ends at once if its time exceeds the limit of a timer. */
export function waitBody(state: WaitState, timeScale: number): StateBody {
  const milliseconds = waitTime(state);
  return async (input, execution) => {
    const wanted = milliseconds(input);
    if (wanted > MAX_SECONDS * 1000) {
      throw runtimeError(`A wait of ${wanted} ms is longer than ${MAX_SECONDS} s, the limit of this engine.`);
    }
    await sleep(Math.max(0, wanted / timeScale), undefined, { signal: execution.stopping.signal }).catch(
      () => {
        throw executionStopped();
      },
    );
    return input;
  };
}

function waitTime(state: WaitState): (input: Json) => number {
  if (state.SecondsPath !== undefined) {
    const read = compilePath(state.SecondsPath);
    return (input) => {
      const seconds = read(input);
      if (Number.isInteger(seconds) && Number(seconds) >= 0) return Number(seconds) * 1000;
      throw runtimeError(
        `SecondsPath '${state.SecondsPath}' has ${JSON.stringify(seconds)}; expected a whole number of seconds from 0.`,
      );
    };
  }
  if (state.TimestampPath !== undefined) {
    const read = compilePath(state.TimestampPath);
    return (input) => {
      const timestamp = read(input);
      if (typeof timestamp === 'string' && RFC_3339.test(timestamp))
        return Date.parse(timestamp) - Date.now();
      throw runtimeError(
        `TimestampPath '${state.TimestampPath}' has ${JSON.stringify(timestamp)}; expected a timestamp such as 2026-11-22T04:12:00Z.`,
      );
    };
  }
  if (state.Timestamp !== undefined) {
    const at = Date.parse(state.Timestamp);
    return () => at - Date.now();
  }
  return () => (state.Seconds ?? 0) * 1000;
}
