import { UsageError } from '../../core/errors.ts';
import type { ApiClient } from '../connect/api-client.ts';
import { type Connection, placeOf } from '../connect/connection.ts';
import { lastJobAt, rememberJob } from '../connect/contexts.ts';

const WHOLE = /^job-[0-9A-HJKMNP-TV-Z]{26}$/;
/** Shorter parts would match by accident. */
const MIN_PART = 4;
/** How many of the newest jobs a part of an identifier is looked for in. */
const MAX_LISTED = 1000;

/**
 * The identifier of a job that the user names: whole, by a part that only one job has (its end, or its start), or `-` for
 * the last job that was started from here. Throws UsageError if it is not clear which job is meant.
 */
export async function findJobId({ api, target, stack }: Connection, given: string): Promise<string> {
  if (given === '-') {
    const last = lastJobAt(placeOf(target)) ?? (stack && (await newest(api)));
    if (last) return last;
    throw new UsageError(
      '`-` stands for the last job that was started from here, and there is none. Name a job; `cody-batch jobs` lists them.',
    );
  }
  const named = given.startsWith('job-') ? `job-${given.slice(4).toUpperCase()}` : given;
  if (WHOLE.test(named)) return named;
  const part = given.replace(/^job-/i, '').toUpperCase();
  if (part.length < MIN_PART || !/^[0-9A-Z]+$/.test(part)) {
    throw new UsageError(
      `${JSON.stringify(given)} is not a job; expected its identifier, at least ${MIN_PART} characters of its start or end, or - for the last job. \`cody-batch jobs\` lists them.`,
    );
  }
  const found = (await listIds(api)).filter((id) => id.endsWith(part) || id.startsWith(`job-${part}`));
  if (found.length === 1) return found[0]!;
  throw new UsageError(
    found.length === 0
      ? `There is no job ${JSON.stringify(given)} among the newest ${MAX_LISTED}. \`cody-batch jobs\` lists them.`
      : `${JSON.stringify(given)} could be ${found.slice(0, 3).join(', ')}${found.length > 3 ? ` and ${found.length - 3} more` : ''}. Give more of the identifier.`,
  );
}

/** Makes the job the one that `-` stands for. */
export async function rememberLast({ target }: Pick<Connection, 'target'>, jobId: string): Promise<void> {
  await rememberJob(placeOf(target), jobId);
}

/** The part of an identifier that a list shows where there is little room. */
export function shortId(jobId: string): string {
  return jobId.slice(-8);
}

async function newest(api: ApiClient): Promise<string | undefined> {
  return (await api.listJobs({ limit: '1' })).jobs[0]?.jobId;
}

async function listIds(api: ApiClient): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.listJobs({ limit: '100', cursor });
    ids.push(...page.jobs.map(({ jobId }) => jobId));
    cursor = page.cursor;
  } while (cursor && ids.length < MAX_LISTED);
  return ids;
}
