import { type RunningExecution, type StateBody, trackTask } from './execution.ts';
import { type ExecutionEnd, type Machine, runMachine } from './machine.ts';
import type { Json } from './payload.ts';
import { executionStopped, failureOf } from './state-error.ts';

type Branch = {
  /** ABORTED also if another branch failed. */
  ended: Promise<ExecutionEnd>;
  /** Resolves when all tasks that the branch started have settled. */
  settled: Promise<void>;
  /** Ends it because another branch failed. */
  abort(): void;
};

/**
 * A Parallel: every branch starts with the state's input, and the result is the list of their outputs. The first failure
 * aborts the other branches and becomes the state's failure once their tasks have settled, so that a state that catches
 * it does not run beside them.
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
      await Promise.all(branches.map(({ settled }) => settled));
      if (stopping.signal.aborted) throw executionStopped();
      history.add('ParallelStateFailed');
      throw failureOf(failure);
    }
    history.add('ParallelStateSucceeded');
    return ends.map(({ output }): Json => JSON.parse(output!));
  };
}

/** Runs a branch like an execution, with a branch of the parent's history. */
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
  const settled = ended.then(async () => void (await Promise.allSettled(tasks)));
  trackTask(parent, settled);
  return {
    ended,
    settled,
    abort() {
      history.abortBranch();
      stop();
    },
  };
}
