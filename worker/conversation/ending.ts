import { type CodyBatchError, describeError } from '../../core/errors.ts';
import type { ErrorDescription, JobSettings } from '../../core/job.ts';
import type { EndReason } from '../../core/repository-result.ts';
import type { Trouble } from '../claude/patience.ts';
import type { Submission } from '../tools/tool.ts';

/**
 * How a conversation ended; `submission` with `submitted` only, `resumeAt` (ISO 8601) with `throttled` only, and with it
 * `error` where the service was not limiting the rate but failing.
 */
export type Conclusion = {
  end: EndReason;
  summary: string;
  submission?: Submission;
  resumeAt?: string;
  error?: ErrorDescription;
};

/** Leaves the loop from wherever a limit shows. */
export class ConversationEnded extends Error {
  override readonly name = 'ConversationEnded';
  readonly ending: Conclusion;

  constructor(ending: Conclusion) {
    super(ending.summary);
    this.ending = ending;
  }
}

/** What a user reads of an end that the model did not choose, and what to do about it. */
export function limitEnding(
  end: Exclude<EndReason, 'submitted' | 'gaveUp' | 'refused' | 'throttled'>,
  settings: Pick<JobSettings, 'maxTurns' | 'maxCostUsd' | 'maxMinutes'>,
): Conclusion {
  const summaries = {
    maxTurns: `Stopped at ${settings.maxTurns} turns; raise settings.maxTurns or narrow the prompt.`,
    maxCost: `Stopped at a cost of ${settings.maxCostUsd} USD; raise settings.maxCostUsd or narrow the prompt.`,
    jobCost:
      "Stopped because the job's maxCostUsd is used up; start a job with a higher one for what is left.",
    maxMinutes: `Stopped after ${settings.maxMinutes} minutes; raise settings.maxMinutes or narrow the prompt.`,
    stuck: 'Stopped because the model repeated the same call without getting further; reword the prompt.',
    contextExceeded:
      "Stopped because the conversation no longer fits the model's context; narrow the prompt.",
  };
  return { end, summary: summaries[end] };
}

/** Resumes at retry-after or in a minute, and up to half as much later, so that a fleet spreads itself. */
export function throttledEnding(
  { limited, said, retryAfterMs = 60_000 }: Trouble,
  error: CodyBatchError | undefined,
): Conclusion {
  const resumeAt = new Date(Date.now() + retryAfterMs * (1 + Math.random() / 2)).toISOString();
  const why = limited ? 'stayed rate-limited' : 'gave no whole answer';
  return {
    end: 'throttled',
    summary: `The model ${why} (${said}); work goes on at ${resumeAt}.`,
    resumeAt,
    ...(error && { error: describeError(error) }),
  };
}
