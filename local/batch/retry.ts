import type { EvaluateOnExit } from '@aws-sdk/client-batch';

/** How an attempt failed, in the words that the rules of a retry strategy are matched with. */
export type AttemptFailure = { exitCode?: number; reason?: string; statusReason: string };

/**
 * Whether a retry strategy's rules let a failed attempt be followed by another. A rule matches when all its patterns
 * do, the first that matches decides, and what none matches is retried:
 * https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
 */
export function isRetried(failure: AttemptFailure, rules: readonly EvaluateOnExit[] = []): boolean {
  const decisive = rules.find(
    (rule) =>
      matches(rule.onExitCode, failure.exitCode?.toString()) &&
      matches(rule.onReason, failure.reason) &&
      matches(rule.onStatusReason, failure.statusReason),
  );
  return decisive?.action !== 'EXIT';
}

/** A pattern is the whole text, or its start followed by `*`. */
function matches(pattern: string | undefined, text = ''): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
