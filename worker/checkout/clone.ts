import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RepositoryUnavailableError, SettingsError } from '../../core/errors.ts';
import { GitFailedError } from '../../core/git-process.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { prepareAttributes } from './attributes.ts';
import { checkOut, type TreeFacts } from './check-out.ts';
import { Git } from './git.ts';
import { type GitRetries, retryGit } from './git-retries.ts';
import { RepositoryMovedError } from './renamed.ts';

export type CloneRequest = {
  /** `owner/name`. */
  repositoryName: string;
  /** The current name on the server, if the repository was renamed. */
  remoteName?: string;
  githubApiUrl: string;
  token: string | undefined;
  /** @default the repository's default branch */
  baseBranch: string | undefined;
  /** A checkpoint's commit. If it is undefined or gone from the server, the branch's newest commit is used. */
  baseSha: string | undefined;
  /** Ends every git process of this run. */
  stop: AbortSignal;
  /** Ends the clone at the repository's time limit. */
  signal: AbortSignal;
  /** How long failures of the server are retried, and how that is reported. */
  retries: Omit<GitRetries, 'signal'>;
};

export type Clone = TreeFacts & {
  git: Git;
  /** The name in the clone's URL. */
  remoteName: string;
  baseBranch: string;
  baseSha: string;
};

/**
 * Turns all attributes off, so that the tree holds the commit's bytes and git stores them unchanged. With
 * attributes, untouched files could show as modified, filters could rewrite files, and text could be hidden
 * from search and diff. stored-form.ts applies at staging what is needed of them.
 */
const ATTRIBUTES = '* -text -ident -filter -working-tree-encoding !diff\n';

/**
 * Clones one branch, without history, into the workspace, with the git directory outside of the work tree.
 * Throws RepositoryUnavailableError if a retry cannot help, or if the retry budget is spent.
 */
export async function cloneRepository(workspace: Workspace, request: CloneRequest): Promise<Clone> {
  const { git, url } = openRemote(workspace, request);
  const chosen = request.baseBranch ? ['--branch', request.baseBranch] : [];
  const shallow = ['--depth', '1', '--single-branch', '--no-tags', '--no-checkout'];
  const separate = ['--separate-git-dir', workspace.gitFolder];
  const retries = { ...request.retries, signal: AbortSignal.any([request.stop, request.signal]) };
  const head = await retryGit(async () => {
    // A failed try may have left them.
    for (const folder of [workspace.tree, workspace.gitFolder])
      await rm(folder, { recursive: true, force: true });
    try {
      await git.clone([...shallow, ...separate, ...chosen, '--', url, workspace.tree], request);
    } catch (error) {
      throw explain(error, request, url);
    }
    return (await headOf(git, request)) ?? (await requireEmpty(git, request));
  }, retries).catch((error: unknown) => {
    throw unreachable(error, request, url);
  });
  // This file has the path of the git directory, which commands must not find.
  await rm(path.join(workspace.tree, '.git'), { force: true });
  await mkdir(path.join(workspace.gitFolder, 'info'), { recursive: true });
  await writeFile(path.join(workspace.gitFolder, 'info/attributes'), ATTRIBUTES);
  await prepareAttributes(workspace);

  const { sha: newest, branch: baseBranch } = head;
  const earlier = await retryGit(() => fetchEarlier(git, newest, request), retries).catch(
    (error: unknown) => {
      throw unreachable(error, request, url);
    },
  );
  const baseSha = earlier ?? newest;
  const facts = await checkOut(git, { ...request, baseSha });
  const { repositoryName, remoteName = repositoryName } = request;
  return { git, remoteName, baseBranch, baseSha, ...facts };
}

/** Returns git with access to the repository's server, and the repository's URL. */
export function openRemote(workspace: Workspace, request: CloneRequest): { git: Git; url: string } {
  const base = gitBaseUrl(request.githubApiUrl);
  const git = new Git(workspace, {
    protocol: base.protocol.slice(0, -1),
    networkConfig: tokenConfig(base, request.token),
    signal: request.stop,
  });
  return { git, url: `${base.href}${request.remoteName ?? request.repositoryName}.git` };
}

/** Fetches the checkpoint's commit, which its patch fits. Returns undefined if the server lost it. */
async function fetchEarlier(git: Git, newest: string, request: CloneRequest): Promise<string | undefined> {
  const { baseSha } = request;
  if (baseSha === undefined || baseSha === newest) return baseSha;
  try {
    await git.fetch(['--depth', '1', '--no-tags', 'origin', baseSha], request);
    return baseSha;
  } catch (error) {
    if (error instanceof GitFailedError && /not our ref|unadvertised object/.test(error.stderr))
      return undefined;
    throw error;
  }
}

/**
 * For a clone without a commit. Throws RepositoryUnavailableError if the repository is empty, and
 * GitFailedError if it has branches, which means that git received an incomplete answer.
 */
async function requireEmpty(git: Git, { repositoryName, signal }: CloneRequest): Promise<never> {
  const branches = (await git.listRemote(['--heads', 'origin'], { signal })).toString().trim();
  if (branches !== '') {
    const count = branches.split('\n').length;
    throw new GitFailedError('clone', {
      exitCode: 0,
      stderr: `The clone has no commit, but the server has ${count} branches.`,
    });
  }
  throw new RepositoryUnavailableError(
    `${repositoryName} has no commit on its default branch; push a first commit, then retry.`,
  );
}

/** Turns a GitFailedError that outlasted the retries into a RepositoryUnavailableError. */
export function unreachable(error: unknown, { repositoryName, retries }: CloneRequest, url: string): unknown {
  if (!(error instanceof GitFailedError)) return error;
  return new RepositoryUnavailableError(
    `${repositoryName} could not be cloned from ${url} within ${retries.seconds} s. ${error.message} Check that the server is up and that workers can reach it, then retry the job.`,
    { cause: error },
  );
}

/**
 * Uses full names, because a short name could be a tag's. Returns undefined if there is no commit. Throws
 * RepositoryUnavailableError if HEAD is not on a branch, or the repository uses SHA-256.
 */
async function headOf(
  git: Git,
  { repositoryName, baseBranch }: Pick<CloneRequest, 'repositoryName' | 'baseBranch'>,
): Promise<{ sha: string; branch: string } | undefined> {
  // git exits with 128 if there is no commit.
  const head = await git.run(['rev-parse', 'HEAD', '--symbolic-full-name', 'HEAD'], { exitCodes: [0, 128] });
  const [sha = '', ref = ''] = head.toString().trim().split('\n');
  const refuse = (problem: string) => new RepositoryUnavailableError(`${repositoryName} ${problem}`);
  if (!/^[0-9a-f]+$/.test(sha)) return undefined;
  if (sha.length > SHA1_LENGTH) throw refuse(IS_SHA256);
  if (ref.startsWith(BRANCHES)) return { sha, branch: ref.slice(BRANCHES.length) };
  throw refuse(
    baseBranch === undefined
      ? 'has no default branch: its HEAD is a commit. Name a branch by settings.baseBranch.'
      : `has no branch ${baseBranch}: that is a tag, and a pull request needs a branch. Correct settings.baseBranch, or leave it out for the default branch.`,
  );
}

const BRANCHES = 'refs/heads/';
const SHA1_LENGTH = 40;
const IS_SHA256 =
  'uses SHA-256 for its objects, which GitHub and this product do not support; leave it out of the job, or convert it to SHA-1.';

/**
 * Returns the base URL of git for the URL of GitHub's API; `https://host/api/v3` is Enterprise. Ends in `/`.
 */
export function gitBaseUrl(apiUrl: string): URL {
  const url = new URL(apiUrl);
  const loopback = url.hostname === '127.0.0.1' || url.hostname === 'localhost';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    throw new SettingsError(
      `GITHUB_API_URL is ${url.protocol}//${url.host}; expected https, or http on 127.0.0.1 or localhost.`,
    );
  }
  return new URL(url.host === 'api.github.com' ? 'https://github.com/' : `${url.protocol}//${url.host}/`);
}

/** Sends the token to this host only, and keeps it out of URLs, files and process lists. */
function tokenConfig(base: URL, token: string | undefined): Record<string, string> {
  if (!token) return {};
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
  return { [`http.${base.href}.extraHeader`]: `Authorization: Basic ${basic}` };
}

/**
 * Turns a GitFailedError with a known cause into a RepositoryUnavailableError; returns other errors
 * unchanged.
 */
export function explain(error: unknown, request: CloneRequest, url: string): unknown {
  if (!(error instanceof GitFailedError)) return error;
  const { repositoryName, baseBranch, token } = request;
  const refuse = (message: string) => new RepositoryUnavailableError(message, { cause: error });
  if (/Remote branch .* not found/.test(error.stderr)) {
    return refuse(
      `${repositoryName} has no branch ${baseBranch}; correct settings.baseBranch, or leave it out for the default branch.`,
    );
  }
  if (/mismatched algorithms|unknown object format|unknown hash algorithm/.test(error.stderr))
    return refuse(`${repositoryName} ${IS_SHA256}`);
  if (/Authentication failed|returned error: 40[13]|could not read Username/.test(error.stderr)) {
    return refuse(
      token
        ? `GitHub refused GITHUB_TOKEN for ${repositoryName}; give it a token that is not expired and has read access to its contents.`
        : `GitHub asks for credentials for ${repositoryName}: it does not exist or is private. Check the name, or set GITHUB_TOKEN.`,
    );
  }
  if (/returned error: 30[12378]/.test(error.stderr)) {
    return new RepositoryMovedError(
      `The server of ${repositoryName} redirects ${url}, and GitHub's API has no new name for the repository. A token is sent to one host only: correct GITHUB_API_URL, or use the repository's current name.`,
      { cause: error },
    );
  }
  if (/not found|returned error: 404/i.test(error.stderr)) {
    return refuse(
      `There is no repository at ${url}${token ? ', or GITHUB_TOKEN may not see it' : ''}; check the name${token ? ' and what the token may read' : ', or set GITHUB_TOKEN if it is private'}.`,
    );
  }
  return error;
}
