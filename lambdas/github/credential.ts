import { createHash } from 'node:crypto';
import type { createAppAuth } from '@octokit/auth-app';
import { SettingsError } from '../../core/errors.ts';
import { parseRepositoryName } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';
import { createOctokit } from './octokit.ts';

/** What a token is for: to open pull requests, those that change workflows among them, or to look at them. */
export type Access = 'write' | 'writeWorkflows' | 'read';

/** https://docs.github.com/rest/authentication/permissions-required-for-github-apps */
const PERMISSIONS: Readonly<Record<Exclude<Access, 'read'>, Record<string, string>>> = {
  write: { contents: 'write', pull_requests: 'write' },
  writeWorkflows: { contents: 'write', pull_requests: 'write', workflows: 'write' },
};

/**
 * The token for one repository: of the App where there is one, made for this repository and these permissions alone,
 * which GitHub ends after an hour; else GITHUB_WRITE_TOKEN. To look at it, GITHUB_TOKEN where it is set, so that nobody
 * but OpenPullRequest needs what may write. Undefined where none is configured.
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
    // To look, all that the installation has, at all of the owner's repositories that it covers at once.
    ...(access !== 'read' && {
      // A renamed repository is known by its number alone, which GitHub's redirection shows.
      ...(renamed ? { repositoryIds: [Number(renamed[1])] } : { repositoryNames: [repo] }),
      permissions: PERMISSIONS[access],
    }),
  });
  return token;
}

/**
 * Names whose limit a repository's pull requests count against, without showing it: a token, or an App's installation.
 * A token in Secrets Manager is named by where it is kept, so that ReserveSlot need not be let read it.
 */
export async function credentialId(settings: Settings, repositoryName: string): Promise<string> {
  const { owner } = parseRepositoryName(repositoryName.toLowerCase());
  const who = settings.GITHUB_APP_ID
    ? `${settings.GITHUB_APP_ID} ${owner}`
    : (settings.secretId('GITHUB_WRITE_TOKEN') ?? (await settings.secret('GITHUB_WRITE_TOKEN')) ?? '');
  return createHash('sha256').update(`${settings.GITHUB_API_URL} ${who}`).digest('hex').slice(0, 16);
}

/** Kept as long as its key is the same: it holds the tokens that it was given until they end. */
let opened: { settings: Settings; privateKey: string; app: ReturnType<typeof createAppAuth> } | undefined;

async function openApp(settings: Settings, appId: string) {
  const privateKey = await settings.secret('GITHUB_APP_PRIVATE_KEY');
  if (!privateKey) {
    throw new SettingsError(
      'GITHUB_APP_ID is set, and GITHUB_APP_PRIVATE_KEY is not; give the key of the App (PEM), or its secret by GITHUB_APP_PRIVATE_KEY_SECRET_ID.',
    );
  }
  if (opened?.settings === settings && opened.privateKey === privateKey) return opened.app;
  // Loaded on demand: most have a token.
  const { createAppAuth } = await import('@octokit/auth-app');
  const app = createAppAuth({
    appId,
    // Environment files write a line's end as two characters.
    privateKey: privateKey.replaceAll('\\n', '\n'),
    request: createOctokit(settings, undefined).request,
  });
  opened = { settings, privateKey, app };
  return app;
}
