import { setTimeout as sleep } from 'node:timers/promises';
import type { Octokit } from '@octokit/rest';
import type { Selector } from '../../core/repository-selector.ts';
import type { Settings } from '../../core/settings.ts';
import { openReader } from '../github/client.ts';
import { askRepositories } from '../github/graphql.ts';
import { createOctokit } from '../github/octokit.ts';
import { rateLimitedUntil } from '../github/rate-limit.ts';
import { type Found, listed, unseen } from './owner-listing.ts';

type Search = Extract<Selector, { kind: 'search' }>;

/** GitHub's searches have 1,000 results at most, in pages of 100. */
const MAX_RESULTS = 1000;
const PER_PAGE = 100;
/** GitHub allows 10 searches of code a minute, and 30 others. */
const CODE_PAUSE_MS = 6000;
const PAUSE_MS = 2000;

type Page = { total: number; isIncomplete: boolean; items: Parameters<typeof listed>[0][] };

/** Repositories by topic and language. */
export function searchRepositories(search: Search, settings: Settings, deadline: number): Promise<Found> {
  const terms = [
    ...search.topics.map((topic) => `topic:${topic}`),
    ...search.languages.map((language) => `language:${language}`),
    `org:${search.org}`,
    // Those that the job does not take are left out later, with the reason.
    'fork:true',
  ];
  return readPages(search, settings, { deadline, pauseMs: PAUSE_MS }, async (github, page) => {
    const { data } = await github.rest.search.repos({ q: terms.join(' '), per_page: PER_PAGE, page });
    return { total: data.total_count, isIncomplete: data.incomplete_results, items: data.items };
  });
}

/** Repositories with a file, on the default branch, that has the text. GitHub searches no forks and no large files. */
export async function searchCode(search: Search, settings: Settings, deadline: number): Promise<Found> {
  const terms = [
    `"${search.code}"`,
    ...search.languages.map((language) => `language:${language}`),
    `org:${search.org}`,
  ];
  const searched = await readPages(
    search,
    settings,
    { deadline, pauseMs: CODE_PAUSE_MS },
    async (github, page) => {
      const { data } = await github.rest.search.code({ q: terms.join(' '), per_page: PER_PAGE, page });
      const items = data.items.map(({ repository }) => repository);
      return { total: data.total_count, isIncomplete: data.incomplete_results, items };
    },
  );
  return search.archived ? searched : lookedAt(searched, settings);
}

/** The same, with whether they are archived, which a search of code does not say. */
async function lookedAt({ found, missing }: Found, settings: Settings): Promise<Found> {
  const known = new Map(found.map((one) => [one.repositoryName, one]));
  const names = [...known.keys()];
  if (names.length === 0) return { found, missing };
  const github = await openReader(settings, names[0]!);
  for await (const [name, answer] of askRepositories(github, names)) {
    const { isArchived, isDisabled } = answer ?? {};
    known.set(name, { ...known.get(name)!, isArchived, isDisabled });
  }
  return { found: [...known.values()], missing };
}

async function readPages(
  { org }: Search,
  settings: Settings,
  { deadline, pauseMs }: { deadline: number; pauseMs: number },
  read: (github: Octokit, page: number) => Promise<Page>,
): Promise<Found> {
  const token = await settings.secret('GITHUB_TOKEN');
  const github = createOctokit(settings, token);
  const byName = new Map<string, Found['found'][number]>();
  const result = (missing?: string): Found => ({ found: [...byName.values()], missing });
  for (let page = 1; ; page += 1) {
    let answer: Page;
    try {
      answer = await read(github, page);
    } catch (error) {
      const until = rateLimitedUntil(error, Date.now());
      if (until === undefined) throw error;
      const waitMs = until - Date.now();
      if (performance.now() + waitMs > deadline)
        return result(`GitHub limits searches until ${new Date(until).toISOString()}; ask again then`);
      await sleep(Math.max(0, waitMs));
      page -= 1;
      continue;
    }
    // The owner is checked again: a search may answer with more than was asked for.
    for (const one of answer.items.flatMap((item) => listed(item, org)))
      byName.set(one.repositoryName.toLowerCase(), one);
    if (answer.isIncomplete) return result('GitHub gave up on the search before its end; narrow it');
    const seen = page * PER_PAGE;
    if (seen >= Math.min(answer.total, MAX_RESULTS)) {
      return answer.total > MAX_RESULTS
        ? result(`GitHub shows the first ${MAX_RESULTS} of ${answer.total} results; narrow the search`)
        : result(unseen(token, settings));
    }
    if (settings.GITHUB_THROTTLE) {
      if (performance.now() + pauseMs > deadline)
        return result('the results were not read to their end within the time of a request');
      await sleep(pauseMs);
    }
  }
}
