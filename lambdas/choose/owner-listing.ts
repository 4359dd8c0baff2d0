import { InvalidInputError } from '../../core/errors.ts';
import { RepositoryName } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';
import type { ListedRepository } from '../../core/store/listings.ts';
import { createOctokit } from '../github/octokit.ts';
import { statusOf } from '../github/status-of.ts';

export type Found = {
  found: ListedRepository[];
  /** Why repositories are missing; absent if none is. */
  missing?: string | undefined;
};

/** A repository as GitHub's lists and searches have it. */
type RepositoryJson = {
  full_name: string;
  archived?: boolean | undefined;
  disabled?: boolean | undefined;
  fork?: boolean | undefined;
  language?: string | null | undefined;
  size?: number | undefined;
};

/** Reads every repository of an owner from GitHub, until `deadline` by the clock of performance.now(). */
export async function readOwner(
  owner: string,
  settings: Settings,
  deadline = Number.POSITIVE_INFINITY,
): Promise<Found> {
  const github = createOctokit(settings, await settings.secret('GITHUB_TOKEN'));
  const { data: account } = await github.rest.users.getByUsername({ username: owner }).catch((error) => {
    if (statusOf(error) !== 404) throw error;
    throw new InvalidInputError(`GitHub has no owner ${owner} that the token can see. Correct the name.`, {
      field: 'repositories',
      received: owner,
    });
  });
  const pages =
    account.type === 'Organization'
      ? github.paginate.iterator(github.rest.repos.listForOrg, { org: owner, per_page: 100 })
      : github.paginate.iterator(github.rest.repos.listForUser, { username: owner, per_page: 100 });
  const found: Found['found'] = [];
  for await (const { data } of pages) {
    found.push(...data.flatMap((repository) => listed(repository, owner)));
    if (performance.now() > deadline)
      return { found, missing: `the list of ${owner} was not read to its end within the time of a request` };
  }
  return { found };
}

/**
 * Why private repositories are missing. The App's key may write, so functions that only read do not get it, and without
 * GITHUB_TOKEN they see what is public.
 */
export function unseen(token: string | undefined, settings: Settings): string | undefined {
  if (token !== undefined || !settings.GITHUB_APP_ID) return undefined;
  return 'GITHUB_TOKEN is not set, so only public repositories are found: the GitHub App opens pull requests and lists nothing. Set GITHUB_TOKEN to a token that may read, or name the repositories';
}

/** A name becomes part of keys and rows, so it must be a valid one, and of the requested owner. */
export function listed(repository: RepositoryJson, owner: string): Found['found'] {
  const { full_name: repositoryName, archived, disabled, fork, language, size } = repository;
  const isOwn = repositoryName.toLowerCase().startsWith(`${owner.toLowerCase()}/`);
  if (!isOwn || !RepositoryName.safeParse(repositoryName).success) return [];
  return [
    { repositoryName, isArchived: archived, isDisabled: disabled, isFork: fork, language, sizeKiB: size },
  ];
}
