import { ExecutionAbortedError, ExecutionTimeoutError, type StateMachine } from 'aws-local-stepfunctions';
import type { RunningExecution, StateBody } from './execution.ts';
import type { ExecutionRecord } from './execution-record.ts';
import { WHOLE } from './history.ts';
import { encodePayload, type Json } from './payload.ts';
import { executionStopped } from './state-error.ts';

/** A definition that aws-local-stepfunctions runs, with the bodies of the states that it cannot run as AWS does. */
export type Machine = {
  engine: StateMachine;
  bodies: ReadonlyMap<string, StateBody>;
  /** The types that the states had before the lowering, for the history. */
  types: ReadonlyMap<string, string>;
};

export type ExecutionEnd = Required<Pick<ExecutionRecord, 'status'>> &
  Pick<ExecutionRecord, 'output' | 'error' | 'cause'>;

/** Runs one execution to its end. Rejects only if its history cannot be written. */
export async function runMachine(
  machine: Machine,
  execution: RunningExecution,
  input: Json,
): Promise<ExecutionEnd> {
  const { history, stopping } = execution;
  const bodies = Object.fromEntries(
    [...machine.bodies].map(([name, body]) => [
      name,
      async (stateInput: Json) => {
        await history.turnOf(name);
        // After an abort the library still calls a state whose retry it was waiting for.
        if (stopping.signal.aborted) throw executionStopped();
        return body(stateInput, execution);
      },
    ]),
  );
  const run = machine.engine.run(input, { overrides: { taskResourceLocalHandlers: bodies } });
  stopping.signal.addEventListener('abort', run.abort, { once: true });
  const followed = history.follow(run.eventLogs, machine.types);
  try {
    const output = await run.result;
    await followed;
    if (history.violation) throw history.violation;
    return { status: 'SUCCEEDED', output: encodePayload(output, 'The output of the execution') };
  } catch (error) {
    await followed;
    if (error instanceof ExecutionAbortedError) return { status: 'ABORTED' };
    if (error instanceof ExecutionTimeoutError) return { status: 'TIMED_OUT', error: 'States.Timeout' };
    const failure = history.violation ?? causeOf(error);
    return { status: 'FAILED', error: failure.name, cause: failure.message };
  } finally {
    stopping.abort();
  }
}

/** aws-local-stepfunctions wraps the error that a state threw. */
function causeOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.cause instanceof Error ? error.cause : error;
}

/** The event that ends a history. */
export const END_EVENTS: Readonly<Record<string, string>> = {
  SUCCEEDED: 'ExecutionSucceeded',
  FAILED: 'ExecutionFailed',
  TIMED_OUT: 'ExecutionTimedOut',
  ABORTED: 'ExecutionAborted',
};

export function endDetails({ output, error, cause }: ExecutionEnd): object {
  return output === undefined ? { error, cause } : { output, outputDetails: WHOLE };
}
