import { setTimeout as sleep } from 'node:timers/promises';
import { isAllowed } from '../../core/allowed-repositories.ts';
import type { Choice, ChosenRepository, LeftOutRepository } from '../../core/choice.ts';
import { CodyBatchError, describeError, InvalidInputError } from '../../core/errors.ts';
import { fitsPattern, parseSelector, type Selector } from '../../core/repository-selector.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import type { Context } from '../context.ts';
import { statusOf } from '../github/status-of.ts';
import { listingOfOwner } from './listing-of-owner.ts';
import { type Found, unseen } from './owner-listing.ts';
import { removeFormerNames } from './present-names.ts';
import { searchCode, searchRepositories } from './search.ts';

/** Time for a request of the API, which API Gateway ends after 30 s. */
export const REQUEST_TIME_MS = 20_000;

/** Each may list an owner of thousands of repositories. */
const MAX_ASKING = 200;

/** Before a job starts: a hundred names are one of the 5,000 calls an hour that all readers of GitHub share. */
const MAX_LOOKED_UP = 1000;

const LATE: Found = { found: [], missing: 'GitHub did not answer within the time of a request' };

/** Until when to read GitHub, and whether by lists of at most a minute. */
type Reading = { deadline: number; refresh: boolean };

/**
 * The repositories that the entries come to, by name, each once. Stops reading GitHub after `timeMs`, and says what is then
 * incomplete. If the job starts now, GitHub's lists are at most a minute old, and every name is looked up. Throws InvalidInputError for an entry that asks for
 * something impossible.
 */
export async function choose(
  entries: readonly string[],
  context: Context,
  timeMs: number,
  { isStart = false } = {},
): Promise<Choice> {
  const { settings } = context;
  const reading = { deadline: performance.now() + timeMs, refresh: isStart };
  const selectors = parseEntries(entries);
  const exclusions = selectors.flatMap(({ entry, selector }) =>
    selector.kind === 'exclusion' ? [{ entry, ...selector }] : [],
  );
  const chosen = new Map<string, ChosenRepository>();
  const leftOut = new Map<string, LeftOutRepository>();
  const incomplete: Choice['incomplete'] = [];
  // A call of GitHub may take longer than is left, and its client retries it.
  const late = sleep(timeMs, LATE, { ref: false });
  const reasonAgainst = (repositoryName: string) =>
    exclusionOf(repositoryName, exclusions) ??
    (isAllowed(settings.ALLOWED_REPOSITORIES, repositoryName)
      ? undefined
      : 'ALLOWED_REPOSITORIES does not allow it');
  for (const { entry, selector } of selectors) {
    const { found, missing } = await Promise.race([findAllowed(entry, selector, context, reading), late]);
    if (missing) incomplete.push({ entry, because: missing });
    for (const one of found) {
      const { repositoryName, language, sizeKiB } = one;
      const key = repositoryName.toLowerCase();
      const because = reasonLeftOut(one, selector) ?? reasonAgainst(repositoryName);
      if (because !== undefined) leftOut.set(key, { repositoryName, because });
      else {
        const before = chosen.get(key) ?? { repositoryName, because: entry };
        // A later list says more of a repository that an earlier entry only names.
        chosen.set(key, {
          ...before,
          language: language ?? before.language,
          sizeKiB: sizeKiB ?? before.sizeKiB,
        });
      }
    }
  }
  const twice = await Promise.race([
    removeFormerNames(chosen, reasonAgainst, settings, isStart ? Number.POSITIVE_INFINITY : MAX_LOOKED_UP),
    late.then((): LeftOutRepository[] => []),
  ]);
  for (const one of twice) leftOut.set(one.repositoryName.toLowerCase(), one);
  const byName = (one: { repositoryName: string }, other: { repositoryName: string }) =>
    one.repositoryName < other.repositoryName ? -1 : 1;
  return {
    repositories: [...chosen.values()].sort(byName),
    leftOut: [...leftOut.entries()].flatMap(([key, one]) => (chosen.has(key) ? [] : [one])).sort(byName),
    incomplete,
  };
}

/** Throws InvalidInputError for an entry that asks for something impossible, and for too many that ask GitHub. */
export function parseEntries(entries: readonly string[]): { entry: string; selector: Selector }[] {
  const selectors = entries.map((entry) => ({ entry, selector: parsed(entry) }));
  const asking = selectors.filter(({ selector }) => selector.kind !== 'name').length;
  if (asking <= MAX_ASKING) return selectors;
  throw new InvalidInputError(
    `repositories has ${asking} entries that are patterns, exclusions or searches; at most ${MAX_ASKING} are allowed. Use broader patterns, or names.`,
    { field: 'repositories', received: asking, expected: `at most ${MAX_ASKING} patterns and searches` },
  );
}

function parsed(entry: string): Selector {
  const selector = parseSelector(entry);
  if (typeof selector !== 'string') return selector;
  throw new InvalidInputError(`repositories has ${JSON.stringify(entry)}. ${selector}`, {
    field: 'repositories',
    received: entry,
  });
}

/** GitHub knows no such owner, does not let the token see it, or does not accept the query. */
const REFUSALS = new Set([400, 401, 403, 404, 410, 422, 451]);

/** What an entry finds. An entry that GitHub refuses is incomplete; if GitHub fails, the error is thrown. */
async function findAllowed(...asked: Parameters<typeof find>): ReturnType<typeof find> {
  try {
    return await find(...asked);
  } catch (error) {
    const status = statusOf(error);
    if (error instanceof CodyBatchError || !REFUSALS.has(status ?? 0)) throw error;
    const { message } = describeError(error);
    return {
      found: [],
      missing: `GitHub refuses it with ${status} (${message}); correct the entry, or give GITHUB_TOKEN access`,
    };
  }
}

async function find(entry: string, selector: Selector, context: Context, reading: Reading): Promise<Found> {
  const { settings } = context;
  switch (selector.kind) {
    case 'exclusion':
      return { found: [] };
    case 'name':
      return { found: [{ repositoryName: selector.name }] };
    case 'job':
      return { found: await ofJob(selector, context) };
    case 'pattern': {
      const { repositories, missing } = await listingOfOwner(selector.owner, reading, context);
      const found = repositories.filter(({ repositoryName }) =>
        fitsPattern(selector.pattern, repositoryName.split('/')[1]!),
      );
      return { found, missing: missing ?? unseen(await settings.secret('GITHUB_TOKEN'), settings) };
    }
    default: {
      refuseOwner(entry, selector.org, context);
      const search = selector.code === undefined ? searchRepositories : searchCode;
      return search(selector, settings, reading.deadline);
    }
  }
}

/** A search of an owner that no entry of ALLOWED_REPOSITORIES allows would only cost calls. */
function refuseOwner(entry: string, org: string, { settings }: Context): void {
  if (isAllowed(settings.ALLOWED_REPOSITORIES, `${org}/*`) || ownsAllowed(org, settings.ALLOWED_REPOSITORIES))
    return;
  throw new InvalidInputError(
    `${JSON.stringify(entry)} searches ${org}, of which ALLOWED_REPOSITORIES allows nothing. Search another owner, or ask the operator to allow it.`,
    { field: 'repositories', received: entry },
  );
}

function ownsAllowed(org: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) => !entry.startsWith('!') && fitsPattern(entry.split('/')[0]!, org));
}

/** The repositories of an earlier job that changed, that failed, or whose pull requests are not merged. */
async function ofJob(
  { jobId, is }: Extract<Selector, { kind: 'job' }>,
  { jobs, repositoryIndex }: Context,
): Promise<Found['found']> {
  if (!(await jobs.find(jobId))) {
    throw new InvalidInputError(`There is no job ${jobId}. Name an existing one.`, {
      field: 'repositories',
      received: `job:${jobId}`,
    });
  }
  const found: Found['found'] = [];
  for await (const page of repositoryIndex.rowPages(jobId))
    for (const { repositoryName, ...row } of page) if (isWanted(row, is)) found.push({ repositoryName });
  return found;
}

function isWanted(
  { status, outcome, prState }: Pick<SummaryRow, 'status' | 'outcome' | 'prState'>,
  is: Extract<Selector, { kind: 'job' }>['is'],
): boolean {
  if (is === 'failed') return status === 'failed' || status === 'cancelled';
  return outcome === 'changed' && (is === 'changed' || prState !== 'merged');
}

function reasonLeftOut(
  { isFork, isArchived, isDisabled }: Found['found'][number],
  selector: Selector,
): string | undefined {
  const wants = { fork: false, archived: false, ...selector };
  if (isDisabled) return 'GitHub has disabled it';
  if (isArchived && !wants.archived) return 'it is archived; archived:true takes such repositories';
  if (isFork && !wants.fork) return 'it is a fork; fork:true takes such repositories';
  return undefined;
}

function exclusionOf(
  repositoryName: string,
  exclusions: readonly { entry: string; owner: string; pattern: string }[],
): string | undefined {
  const [owner = '', name = ''] = repositoryName.split('/');
  const found = exclusions.find(
    (exclusion) =>
      exclusion.owner.toLowerCase() === owner.toLowerCase() && fitsPattern(exclusion.pattern, name),
  );
  return found && `${found.entry} leaves it out`;
}
