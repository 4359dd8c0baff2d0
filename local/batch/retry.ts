import type { EvaluateOnExit } from '@aws-sdk/client-batch';

/** A failed attempt, with the texts that the rules of a retry strategy match. */
export type AttemptFailure = { exitCode?: number; reason?: string; statusReason: string };

/**
 * Whether the rules of a retry strategy allow another attempt. A rule matches if all its patterns match. The first rule
 * that matches decides, and an attempt that no rule matches is retried:
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

/** A pattern is the whole text, or a prefix followed by `*`. */
function matches(pattern: string | undefined, text = ''): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
