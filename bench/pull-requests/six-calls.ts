import { Octokit } from '@octokit/rest';
import { inParallel } from '../../core/in-parallel.ts';
import { parseRepositoryName } from '../../core/job.ts';
import { EDITED_FILE } from '../model.ts';

/** The concurrency of OpenPullRequests. */
const AT_ONCE = 4;

/**
 * The floor: the six calls that a script needs, with the official client. It does not look at the base's tree before it
 * publishes. Returns the seconds that it took.
 */
export async function openByScript(
  apiUrl: string,
  token: string,
  repositoryNames: readonly string[],
): Promise<number> {
  const github = new Octokit({ baseUrl: apiUrl, auth: token });
  const started = performance.now();
  await inParallel(repositoryNames, AT_ONCE, async (name) => {
    const { owner, name: repo } = parseRepositoryName(name);
    await github.rest.pulls.list({ owner, repo, head: `${owner}:bench`, state: 'all' });
    const { data: base } = await github.rest.repos.getBranch({ owner, repo, branch: 'main' });
    const { data: tree } = await github.rest.git.createTree({
      ...{ owner, repo, base_tree: base.commit.commit.tree.sha },
      tree: [{ path: EDITED_FILE, mode: '100644', type: 'blob', content: '{"licence": "bench"}\n' }],
    });
    const commit = { owner, repo, message: 'Bench\n', tree: tree.sha, parents: [base.commit.sha] };
    const { data: made } = await github.rest.git.createCommit(commit);
    await github.rest.git.createRef({ owner, repo, ref: 'refs/heads/bench', sha: made.sha });
    await github.rest.pulls.create({
      owner,
      repo,
      title: 'Bench',
      head: 'bench',
      base: 'main',
      body: 'Bench',
    });
  });
  return (performance.now() - started) / 1000;
}
