import type { Repository } from '../repositories/repository.ts';
import { rollup } from '../repositories/rollup.ts';
import { GitHubError } from '../rest/github-error.ts';
import { mergeInto } from './merge.ts';

/** Merges the pull requests of this commit that wait for its checks, once all of these have passed. */
export async function mergeWhatIsGreen(repository: Repository, sha: string): Promise<void> {
  const waiting = (await repository.pulls.list()).filter(
    ({ state, autoMerge, head }) => state === 'open' && autoMerge && head.sha === sha,
  );
  if (waiting.length === 0 || rollup(await repository.checks.read(sha)) !== 'SUCCESS') return;
  for (const { number } of waiting) {
    try {
      await repository.pulls.change(number, (pull) => {
        const { method, by } = pull.autoMerge!;
        return mergeInto(repository, pull, { merge_method: method, by });
      });
      await repository.pushed();
    } catch (error) {
      // One that cannot be merged now waits on, as on github.com.
      if (!(error instanceof GitHubError)) throw error;
    }
  }
}
