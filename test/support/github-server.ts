import { Octokit } from '@octokit/rest';
import { type GitHubOptions, type LocalGitHub, startGitHub } from '../../local/github/server.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type TestGitHub = LocalGitHub & {
  /** A folder for the test, which also has the server's data. */
  folder: string;
  /** Octokit with this token, or with none. */
  client(token?: string): Octokit;
};

// Tests provoke refusals, and Octokit would print each.
const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Starts the local GitHub on a free port, with its data in a folder that `close` removes. */
export async function startTestGitHub(
  options: Omit<GitHubOptions, 'dataFolder' | 'access'> = {},
): Promise<TestGitHub> {
  const folder = await temporaryFolder();
  const server = await startGitHub({ access: 'anyone', ...options, dataFolder: `${folder.path}/data` });
  return {
    ...server,
    folder: folder.path,
    client: (token) =>
      new Octokit({ baseUrl: server.apiUrl, log: QUIET, ...(token !== undefined && { auth: token }) }),
    close: async () => {
      await server.close();
      await folder.remove();
    },
  };
}

export type Refusal = {
  status: number;
  message: string;
  headers: Record<string, string | undefined>;
};

/** The refusal that a request is answered with. Throws if it is not refused. */
export async function refusalOf(request: Promise<unknown>): Promise<Refusal> {
  const error = await request.then(
    (answer) => {
      throw new Error(`The request should have been refused. It was answered ${JSON.stringify(answer)}.`);
    },
    (reason: { status?: number; response?: { headers: Refusal['headers']; data: { message: string } } }) =>
      reason,
  );
  if (!error.response || !error.status) throw error;
  return { status: error.status, message: error.response.data.message, headers: error.response.headers };
}

export type Place = { owner: string; repo: string };

/** Creates `owner/repo` with a first commit on main. */
export async function newRepository(
  octokit: Octokit,
  name: string,
  options: { private?: boolean; org?: string } = {},
): Promise<Place & { sha: string }> {
  const { org, ...about } = options;
  const { data } = org
    ? await octokit.repos.createInOrg({ org, name, auto_init: true, ...about })
    : await octokit.repos.createForAuthenticatedUser({ name, auto_init: true, ...about });
  const place = { owner: data.owner.login, repo: data.name };
  const { data: ref } = await octokit.git.getRef({ ...place, ref: 'heads/main' });
  return { ...place, sha: ref.object.sha };
}

/** Creates a branch one commit ahead of `sha`; returns that commit. */
export async function newBranch(
  octokit: Octokit,
  place: Place,
  branch: string,
  sha: string,
): Promise<string> {
  const { data: tree } = await octokit.git.createTree({
    ...place,
    base_tree: sha,
    tree: [{ path: `${branch}.txt`, mode: '100644', type: 'blob', content: `${branch}\n` }],
  });
  const { data: commit } = await octokit.git.createCommit({
    ...place,
    message: branch,
    tree: tree.sha,
    parents: [sha],
  });
  await octokit.git.createRef({ ...place, ref: `refs/heads/${branch}`, sha: commit.sha });
  return commit.sha;
}
