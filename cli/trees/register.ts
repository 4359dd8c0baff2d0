import { Octokit } from '@octokit/rest';
import { parseRepositoryName } from '../../core/job.ts';
import { pushHead, type WorkTree } from './work-tree.ts';

/** A work tree with the name under which the local GitHub has it. */
export type Registered = WorkTree & { repositoryName: string };

/**
 * Registers work trees with the local GitHub, each as `local/{folder}` with HEAD on its branch. The
 * description has the folder's path, so that a second job uses the same repository, and another folder of the
 * same name gets a number. `token` is the stack's secret, or a token of a local GitHub that was started with
 * a list of tokens.
 */
export async function registerWorkTrees(
  trees: readonly WorkTree[],
  gitHubUrl: string,
  token?: string,
): Promise<Registered[]> {
  const distinct = new Map(trees.map((tree) => [tree.path, tree]));
  const github = new Octokit({ baseUrl: `${gitHubUrl}/api/v3`, log: SILENT, ...(token && { auth: token }) });
  const registered: Registered[] = [];
  for (const tree of distinct.values()) {
    const repositoryName = await claimName(github, tree);
    await pushHead(tree, `${gitHubUrl}/${repositoryName}.git`, token);
    const { owner, name: repo } = parseRepositoryName(repositoryName);
    await github.rest.repos.update({ owner, repo, default_branch: tree.branch });
    registered.push({ ...tree, repositoryName });
  }
  return registered;
}

async function claimName(github: Octokit, { name, path }: WorkTree): Promise<string> {
  const { owner, name: base } = parseRepositoryName(name);
  for (let number = 1; ; number++) {
    const repo = number === 1 ? base : `${base}-${number}`;
    const existing = await github.rest.repos.get({ owner, repo }).catch((error: { status?: number }) => {
      if (error.status === 404) return undefined;
      throw error;
    });
    if (existing?.data.description === path) return `${owner}/${repo}`;
    if (!existing) {
      await github.rest.repos.createForAuthenticatedUser({ name: repo, description: path });
      return `${owner}/${repo}`;
    }
  }
}

// Octokit writes 404s to the console; here a 404 is expected.
export const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
