import type { Context as LambdaContext } from 'aws-lambda';
import { z } from 'zod';
import { logger, withLogger } from '../logger.ts';

/** The addresses, which the schedule's rule passes. */
export const Input = z.object({
  checks: z.array(z.object({ check: z.enum(['health', 'page']), url: z.url() })).min(1),
});
type Check = z.infer<typeof Input>['checks'][number];

/** Longer than a cold start of the API. */
const TIMEOUT_MS = 15_000;

/** The metric filters match these messages. */
export const CHECK_FAILED = 'check failed';
export const CHECK_PASSED = 'check passed';

/** The page's document has its name. */
const PAGE_TITLE = '<title>Cody Batch</title>';

/** Asks the API and the page as a user would, and logs a line for each. Uses no table, so that it works when they do not. */
export async function canary({ checks }: z.infer<typeof Input>): Promise<void> {
  await Promise.all(
    checks.map(async ({ check, url }) => {
      const began = Date.now();
      const reason = await faultOf({ check, url }).catch((error: Error) => messageOf(error));
      const line = { check, url, milliseconds: Date.now() - began };
      if (reason === undefined) logger.info(CHECK_PASSED, line);
      else logger.warn(CHECK_FAILED, { ...line, reason });
    }),
  );
}

async function faultOf({ check, url }: Check): Promise<string | undefined> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
  const text = await response.text();
  if (response.status !== 200) return `The answer is ${response.status}: ${text.slice(0, 500)}`;
  if (check === 'page' && !text.includes(PAGE_TITLE)) return 'The answer is not the page.';
  return undefined;
}

/** Node's fetch puts the reason, such as a refused connection, into the cause. */
function messageOf({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

export function handler(event: unknown, lambdaContext: LambdaContext): Promise<void> {
  return withLogger(lambdaContext, () => canary(Input.parse(event)));
}
