import { APIError } from '@anthropic-ai/sdk';
import { ModelRequestError, sentence } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';
import { ContextExceededError, ThinkingRefusedError } from './errors.ts';
import { messageOf } from './service-error.ts';

type Provider = Settings['CLAUDE_PROVIDER'];

/** Matches the API's messages about every kind of thinking block and binding. */
const THINKING_REFUSED = /\bthinking`? blocks?\b|\bsignature\b/i;

/** The first two are the Messages API's messages, the last is Bedrock's. */
const TOO_LONG = /prompt is too long|exceed context limit|input is too long/i;

/** The error to throw if a retry would not help. Returns errors unchanged that the service did not answer. */
export function refusalOf(
  error: unknown,
  { model, provider }: { model: string; provider: Provider },
): unknown {
  if (!(error instanceof APIError)) return error;
  const { status } = error;
  const received = messageOf(error);
  if (status === 413 || (status === 400 && TOO_LONG.test(received)))
    return new ContextExceededError(received, { cause: error });
  const message = `${SERVICES[provider]} answered ${status ?? 'in its stream'} for model ${model}: ${sentence(received)} ${ADVICE[provider](CREDIT_USED_UP.test(received) ? 402 : status)}`;
  if ((status === 400 || status === undefined) && THINKING_REFUSED.test(received))
    return new ThinkingRefusedError(message, { cause: error });
  return new ModelRequestError(message, {
    cause: error,
    isForAll: status === 401 || status === 403 || status === 404,
  });
}

const SERVICES = { anthropic: 'The Messages API', bedrock: 'Amazon Bedrock' } as const;

/** The API answers 400 to it, as to a request that is wrong. */
const CREDIT_USED_UP = /credit balance is too low/i;

const CHECK_SETTINGS = "Check the job's settings (model, effort) and CLAUDE_MAX_TOKENS.";

const ADVICE: Record<Provider, (status: number | undefined) => string> = {
  anthropic(status) {
    if (status === 401) return 'Give CLAUDE_API_KEY a valid key.';
    if (status === 402) return 'Settle the billing of the account that CLAUDE_API_KEY belongs to.';
    if (status === 403) return 'Give CLAUDE_API_KEY a key that may use this model.';
    if (status === 404)
      return 'Correct settings.model or CLAUDE_MODEL, or the address in ANTHROPIC_BASE_URL.';
    return CHECK_SETTINGS;
  },
  bedrock(status) {
    if (status === 403 || status === 401)
      return "Allow the task's role bedrock:InvokeModelWithResponseStream on this model, and request access to the model in the account.";
    if (status === 404)
      return 'Correct settings.model or CLAUDE_MODEL: a model or inference profile that Bedrock has in AWS_REGION.';
    return `${CHECK_SETTINGS} Bedrock knows models by the ID or ARN of an inference profile.`;
  },
};
