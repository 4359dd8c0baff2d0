import type { Octokit } from '@octokit/rest';
import { parseRepositoryName } from '../../core/job.ts';
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
