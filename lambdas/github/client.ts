import type { Octokit } from '@octokit/rest';
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
      if (!repository.archived && !repository.disabled) yield repository.full_name;
  }
}
