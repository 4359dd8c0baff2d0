import { describeError } from '../../core/errors.ts';
import type { ErrorDescription, JobSettings } from '../../core/job.ts';
import type { EndReason } from '../../core/repository-result.ts';
import type { ModelThrottledError } from '../claude/errors.ts';
import type { Submission } from '../tools/tool.ts';

/** How a conversation ended. */
export type Conclusion =
  | { end: 'submitted'; summary: string; submission: Submission }
  | Throttled
  | { end: Exclude<EndReason, 'submitted' | 'throttled'>; summary: string };

/** `resumeAt` is ISO 8601. `error` is set if the service failed, and not set if it limited the rate. */
type Throttled = { end: 'throttled'; summary: string; resumeAt: string; error?: ErrorDescription };

/** Ends the loop from within a step. */
export class ConversationEnded extends Error {
  override readonly name = 'ConversationEnded';
  readonly conclusion: Conclusion;

  constructor(conclusion: Conclusion) {
    super(conclusion.summary);
    this.conclusion = conclusion;
  }
}

/** The conclusion for a limit, with advice for the user. */
export function limitReached(
  end: Exclude<EndReason, 'submitted' | 'gaveUp' | 'refused' | 'throttled'>,
  settings: Pick<JobSettings, 'maxTurns' | 'maxCostUsd' | 'maxMinutes'>,
): Conclusion {
  const summaries = {
    maxTurns: `Stopped after turn ${settings.maxTurns}; raise settings.maxTurns or narrow the prompt.`,
    maxCost: `Stopped at a cost of ${settings.maxCostUsd} USD; raise settings.maxCostUsd or narrow the prompt.`,
    jobCost:
      "Stopped because the job's maxCostUsd is used up; start a job with a higher one for the remaining repositories.",
    maxMinutes: `Stopped after ${settings.maxMinutes} min; raise settings.maxMinutes or narrow the prompt.`,
    stuck: 'Stopped because the model repeated the same call without progress; reword the prompt.',
    contextExceeded:
      "Stopped because the conversation no longer fits the model's context; narrow the prompt.",
  };
  return { end, summary: summaries[end] };
}

/** Resumes after retry-after or a minute, and up to half as much later, so that a fleet does not resume all at once. */
export function throttled({ lastError, cause }: ModelThrottledError): Throttled {
  const { throttled: isRateLimited, message, retryAfterMs = 60_000 } = lastError;
  const resumeAt = new Date(Date.now() + retryAfterMs * (1 + Math.random() / 2)).toISOString();
  const problem = isRateLimited ? 'stayed rate-limited' : 'gave no complete answer';
  return {
    end: 'throttled',
    summary: `The model ${problem} (${message}); the work resumes at ${resumeAt}.`,
    resumeAt,
    ...(cause ? { error: describeError(cause) } : {}),
  };
}
