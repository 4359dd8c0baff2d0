import type { Octokit } from '@octokit/rest';
import { parseRepositoryName, RepositoryName } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';
import { type Access, credentialFor, credentialId } from './credential.ts';
import { createOctokit } from './octokit.ts';

/** GitHub with the credential that may write, for one repository. */
export async function openGitHub(
  settings: Settings,
  repositoryName: string,
  access: Access,
): Promise<Octokit> {
  return createOctokit(settings, await credentialFor(settings, repositoryName, access), {
    pacer: await credentialId(settings, repositoryName),
  });
}

/** GitHub with the credential that may look, at this repository and at all others with the same `readerId`. */
export async function openReader(settings: Settings, repositoryName: string): Promise<Octokit> {
  return createOctokit(settings, await credentialFor(settings, repositoryName, 'read'));
}

/** Names whose credential looks at a repository: an App has one for each owner, where there is no token to read by. */
export function readerId(settings: Settings, repositoryName: string): string {
  const { owner } = parseRepositoryName(repositoryName.toLowerCase());
  return settings.GITHUB_APP_ID ? owner : '';
}

/** `owner/name` of every repository of an owner that the read token can see, archived and disabled ones left out. */
export async function* listRepositories(settings: Settings, owner: string): AsyncGenerator<string> {
  const github = createOctokit(settings, await settings.secret('GITHUB_TOKEN'));
  const { data: account } = await github.rest.users.getByUsername({ username: owner });
  const pages =
    account.type === 'Organization'
      ? github.paginate.iterator(github.rest.repos.listForOrg, { org: owner, per_page: 100 })
      : github.paginate.iterator(github.rest.repos.listForUser, { username: owner, per_page: 100 });
  for await (const { data } of pages) {
    for (const repository of data)
      if (!repository.archived && !repository.disabled && isOf(owner, repository.full_name))
        yield repository.full_name;
  }
}

/** The name becomes a key of artifacts and a row, so it is held to what a user may name; and no other owner was asked for. */
function isOf(owner: string, fullName: string): boolean {
  return (
    RepositoryName.safeParse(fullName).success && fullName.toLowerCase().startsWith(`${owner.toLowerCase()}/`)
  );
}
