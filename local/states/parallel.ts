import { type RunningExecution, type StateBody, trackTask } from './execution.ts';
import { type ExecutionEnd, type Machine, runMachine } from './machine.ts';
import type { Json } from './payload.ts';
import { executionStopped, failureOf } from './state-error.ts';

type Branch = {
  /** What it came to; ABORTED also where another branch failed. */
  ended: Promise<ExecutionEnd>;
  /** Once nothing that it started runs. */
  letGo: Promise<void>;
  /** Ends it because another branch failed. */
  abort(): void;
};

/**
 * A Parallel: every branch starts with the state's input, and the result is the list of what they gave. The first
 * failure is the state's own and aborts the other branches; what those had started has ended before it is told, so that
 * a state that catches it meets none of their work.
 */
export function parallelBody(machines: readonly Machine[]): StateBody {
  return async (input, execution) => {
    const { history, stopping } = execution;
    history.add('ParallelStateStarted');
    const branches = machines.map((machine) => startBranch(machine, execution, input));
    let failure: ExecutionEnd | undefined;
    const ends = await Promise.all(
      branches.map(async (branch) => {
        const end = await branch.ended;
        if (end.status !== 'SUCCEEDED' && !failure && !stopping.signal.aborted) {
          failure = end;
          for (const other of branches) if (other !== branch) other.abort();
        }
        return end;
      }),
    );
    if (stopping.signal.aborted) throw executionStopped();
    if (failure) {
      await Promise.all(branches.map(({ letGo }) => letGo));
      if (stopping.signal.aborted) throw executionStopped();
      history.add('ParallelStateFailed');
      throw failureOf(failure);
    }
    history.add('ParallelStateSucceeded');
    return ends.map(({ output }): Json => JSON.parse(output!));
  };
}

/** A branch runs as an execution does: its own place in the parent's history, and an end of its own. */
function startBranch(machine: Machine, parent: RunningExecution, input: Json): Branch {
  const history = parent.history.branch();
  const stopping = new AbortController();
  const tasks: RunningExecution['tasks'] = new Set();
  const { signal } = parent.stopping;
  const stop = () => stopping.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const ended = runMachine(machine, { ...parent, history, stopping, tasks }, input).finally(() =>
    signal.removeEventListener('abort', stop),
  );
  const letGo = ended.then(async () => void (await Promise.allSettled(tasks)));
  trackTask(parent, letGo);
  return {
    ended,
    letGo,
    abort() {
      history.abortBranch();
      stop();
    },
  };
}
