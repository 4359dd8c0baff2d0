import type { PullRequestSettings } from '../../core/job.ts';
import { functionsHere } from './functions-here.ts';
import { type Fate, startGitHubProxy } from './github-proxy.ts';
import type { Publishing, Recorded } from './publishing.ts';

export type Kill = { name: string; fate: Fate; at: number };

/** What is there after a function was killed at one of its calls and run again. */
export type Aftermath = {
  /** Undefined where it ended before it came to that call. */
  killedAt: string | undefined;
  branches: string[];
  /** Commits that the branch has and `main` has not. */
  commits: number;
  pulls: { state: string; labels: string[]; reviewers: string[] }[];
  record: unknown;
};

/**
 * Opens a pull request in a process of its own, kills that at its `at`th call of GitHub (`lost`: the call was carried
 * out and its answer is lost; `refused`: it never came to it) and runs it again.
 */
export async function killAndRunAgain(
  publishing: Publishing,
  { name, fate, at }: Kill,
  change: Omit<Recorded, 'name'>,
  pullRequest: PullRequestSettings = {},
): Promise<Aftermath> {
  const proxy = await startGitHubProxy(publishing.stack.gitHub);
  const branch = 'cody-batch/change';
  try {
    const jobId = await publishing.record([{ name, ...change }], { pullRequest: { branch, ...pullRequest } });
    const input = { jobId, run: 1, repositoryName: `local/${name}` };
    const environment = { GITHUB_API_URL: proxy.apiUrl };
    const first = publishing.invoke('steps/open-pull-request', input, environment);
    proxy.decide(
      (n) => (n === at ? fate : 'answered'),
      () => first.child.kill('SIGKILL'),
    );
    const killedAt = (await first.result()) ? undefined : proxy.calls.at(-1)!.line;
    if (killedAt) {
      proxy.decide(() => 'answered');
      await functionsHere(publishing.stack)('steps/open-pull-request', input);
    }
    const { data: branches } = await publishing.github.rest.repos.listBranches({
      owner: 'local',
      repo: name,
    });
    const { data: compared } = await publishing.github.rest.repos.compareCommitsWithBasehead({
      owner: 'local',
      repo: name,
      basehead: `main...${branch}`,
    });
    const pulls = await publishing.pulls(name);
    return {
      killedAt,
      branches: branches.map((one) => one.name),
      commits: compared.ahead_by,
      pulls: pulls.map(({ state, labels, requested_reviewers: reviewers }) => ({
        state,
        labels: labels.map((label) => label.name).sort(),
        reviewers: (reviewers ?? []).map(({ login }) => login).sort(),
      })),
      record: (await publishing.row(jobId, name)).pullRequest,
    };
  } finally {
    await proxy.close();
  }
}
