import { executionArnOf, parseBatchJobName, parseExecutionName, type RunId } from '../core/execution.ts';

/** What a function's log lines say that it works on. */
export type LogKeys = {
  jobId: string | undefined;
  repositoryName: string | undefined;
  executionArn: string | undefined;
  batchJobId: string | undefined;
};

/** The members of an event that name what it is about: those of a step's state, and those of an event's `detail`. */
type Named = {
  jobId?: unknown;
  run?: unknown;
  repositoryName?: unknown;
  batch?: { jobId?: unknown };
  detail?: { name?: unknown; jobName?: unknown; jobId?: unknown; parameters?: { repositoryName?: unknown } };
};

/** Reads an event that is not checked yet, so that the line of an invalid one says what it was about. */
export function workedOn(event: unknown, stateMachineArn: string | undefined): LogKeys {
  const { detail, ...state } = (event ?? {}) as Named;
  const batchJob = typeof detail?.jobName === 'string' ? parseBatchJobName(detail.jobName) : undefined;
  const execution = typeof detail?.name === 'string' ? parseExecutionName(detail.name) : undefined;
  const run = batchJob ?? execution ?? runOf(state);
  return {
    jobId: run?.jobId ?? text(state.jobId),
    repositoryName: text(state.repositoryName) ?? text(detail?.parameters?.repositoryName),
    executionArn: run && stateMachineArn ? executionArnOf(stateMachineArn, run) : undefined,
    batchJobId: text(state.batch?.jobId) ?? (batchJob && text(detail?.jobId)),
  };
}

function runOf({ jobId, run }: Named): RunId | undefined {
  return typeof jobId === 'string' && typeof run === 'number' ? { jobId, run } : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
