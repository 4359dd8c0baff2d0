import type { Octokit } from '@octokit/rest';
import { parseRepositoryName, RepositoryName } from '../../core/job.ts';
import type { Listed } from '../../core/sample.ts';
import type { Settings } from '../../core/settings.ts';
import { type Access, credentialFor, credentialId } from './credential.ts';
import { createOctokit } from './octokit.ts';

/** A client with the credential that may write to this repository. */
export async function openGitHub(
  settings: Settings,
  repositoryName: string,
  access: Access,
): Promise<Octokit> {
  return createOctokit(settings, await credentialFor(settings, repositoryName, access), {
    pacer: await credentialId(settings, repositoryName),
  });
}

/** A client with the credential that may read this repository and all others with the same `readerId`. */
export async function openReader(settings: Settings, repositoryName: string): Promise<Octokit> {
  return createOctokit(settings, await credentialFor(settings, repositoryName, 'read'));
}

/** Identifies the credential that reads a repository: an App has one for each owner. */
export function readerId(settings: Settings, repositoryName: string): string {
  const { owner } = parseRepositoryName(repositoryName.toLowerCase());
  return settings.GITHUB_APP_ID ? owner : '';
}

/** Every repository of an owner that the read token can see, except archived and disabled ones. */
export async function* listRepositories(settings: Settings, owner: string): AsyncGenerator<Listed> {
  const github = createOctokit(settings, await settings.secret('GITHUB_TOKEN'));
  const { data: account } = await github.rest.users.getByUsername({ username: owner });
  const pages =
    account.type === 'Organization'
      ? github.paginate.iterator(github.rest.repos.listForOrg, { org: owner, per_page: 100 })
      : github.paginate.iterator(github.rest.repos.listForUser, { username: owner, per_page: 100 });
  for await (const { data } of pages) {
    for (const repository of data)
      if (!repository.archived && !repository.disabled && isOf(owner, repository.full_name))
        yield { name: repository.full_name, language: repository.language, sizeKiB: repository.size };
  }
}

/** A name becomes part of keys and rows, so it must be a valid one, and of the requested owner. */
function isOf(owner: string, fullName: string): boolean {
  return (
    RepositoryName.safeParse(fullName).success && fullName.toLowerCase().startsWith(`${owner.toLowerCase()}/`)
  );
}
