import { createHash } from 'node:crypto';
import type { createAppAuth } from '@octokit/auth-app';
import { SettingsError } from '../../core/errors.ts';
import { parseRepositoryName } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';
import { createOctokit } from './octokit.ts';

/** The purpose of a token: to open pull requests, to open ones that change workflows, or to read. */
export type Access = 'write' | 'writeWorkflows' | 'read';

/** https://docs.github.com/rest/authentication/permissions-required-for-github-apps */
const PERMISSIONS: Readonly<Record<Exclude<Access, 'read'>, Record<string, string>>> = {
  write: { contents: 'write', pull_requests: 'write' },
  writeWorkflows: { contents: 'write', pull_requests: 'write', workflows: 'write' },
};

/**
 * The token for one repository. To write: a token of the App, limited to this repository, these permissions and one hour,
 * or else GITHUB_WRITE_TOKEN. To read: GITHUB_TOKEN if it is set, so that only OpenPullRequest needs a credential that
 * may write. Returns undefined if none is configured.
 */
export async function credentialFor(
  settings: Settings,
  repositoryName: string,
  access: Access,
): Promise<string | undefined> {
  const reading = access === 'read' ? await settings.secret('GITHUB_TOKEN') : undefined;
  if (reading) return reading;
  if (!settings.GITHUB_APP_ID) return settings.secret('GITHUB_WRITE_TOKEN');
  const app = await openApp(settings, settings.GITHUB_APP_ID);
  const { owner, name: repo } = parseRepositoryName(repositoryName);
  const { token: jwt } = await app({ type: 'app' });
  const { data: installation, url } = await createOctokit(settings, undefined).request(
    'GET /repos/{owner}/{repo}/installation',
    {
      owner,
      repo,
      headers: { authorization: `bearer ${jwt}` },
    },
  );
  const renamed = /\/repositories\/(\d+)\//.exec(url);
  const { token } = await app({
    type: 'installation',
    installationId: installation.id,
    // A reader gets all permissions and repositories of the installation: one token serves all of an owner's repositories.
    ...(access !== 'read' && {
      // The former name of a renamed repository is refused; GitHub's redirection shows its ID.
      ...(renamed ? { repositoryIds: [Number(renamed[1])] } : { repositoryNames: [repo] }),
      permissions: PERMISSIONS[access],
    }),
  });
  return token;
}

/**
 * Identifies the credential whose rate limit the pull requests of a repository count against, without revealing it. A
 * token in Secrets Manager is identified by its secret's ARN, so that ReserveSlot need not read it.
 */
export async function credentialId(settings: Settings, repositoryName: string): Promise<string> {
  const { owner } = parseRepositoryName(repositoryName.toLowerCase());
  const who = settings.GITHUB_APP_ID
    ? `${settings.GITHUB_APP_ID} ${owner}`
    : (settings.secretId('GITHUB_WRITE_TOKEN') ?? (await settings.secret('GITHUB_WRITE_TOKEN')) ?? '');
  return createHash('sha256').update(`${settings.GITHUB_API_URL} ${who}`).digest('hex').slice(0, 16);
}

/** Kept while its key is the same: it caches its tokens until they expire. */
let opened: { settings: Settings; privateKey: string; app: ReturnType<typeof createAppAuth> } | undefined;

async function openApp(settings: Settings, appId: string) {
  const privateKey = await settings.secret('GITHUB_APP_PRIVATE_KEY');
  if (!privateKey) {
    throw new SettingsError(
      'GITHUB_APP_ID is set, but GITHUB_APP_PRIVATE_KEY is not. Set it to the private key of the App (PEM), or set GITHUB_APP_PRIVATE_KEY_SECRET_ID to the secret that holds it.',
    );
  }
  if (opened?.settings === settings && opened.privateKey === privateKey) return opened.app;
  // Loaded on demand: most environments use a token.
  const { createAppAuth } = await import('@octokit/auth-app');
  const app = createAppAuth({
    appId,
    // Environment files write a line end as the two characters \n.
    privateKey: privateKey.replaceAll('\\n', '\n'),
    request: createOctokit(settings, undefined).request,
  });
  opened = { settings, privateKey, app };
  return app;
}
