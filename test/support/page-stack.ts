import path from 'node:path';
import { buildPage } from '../../bin/build-page.ts';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import type { JobRequest } from '../../core/job.ts';
import { hasPage, PAGE_FOLDER } from '../../local/page.ts';
import { type ServedStack, startStackProcess } from './stack.ts';
import type { TestStackOptions } from './start-stack.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { repositoryOf } from './work-trees.ts';

export type PageStack = ServedStack & {
  /** Sends a request to the API, and returns the answer. Throws if it is refused. */
  post<T = { jobId: string }>(path: string, body?: unknown): Promise<T>;
  startJob(request: Partial<JobRequest>): Promise<string>;
};

/** A stack that serves the page, with these repositories (`local/NAME`) by their files. */
export async function startPageStack(
  repositories: Readonly<Record<string, Readonly<Record<string, string>>>>,
  options: Partial<Omit<TestStackOptions, 'dataFolder'>> = {},
): Promise<PageStack> {
  if (!hasPage()) await buildPage();
  const folder = await temporaryFolder();
  const trees = Object.entries(repositories).map(async ([name, files]) => {
    const place = path.join(folder.path, name);
    await repositoryOf(place, files);
    return inspectWorkTree(place);
  });
  const stack = await startStackProcess({ page: PAGE_FOLDER, ...options });
  await registerWorkTrees(await Promise.all(trees), stack.gitHub);
  await folder.remove();
  const post = async <T>(to: string, body: unknown = {}): Promise<T> => {
    const answer = await fetch(stack.api + to, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`POST ${to} was answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  return {
    ...stack,
    post,
    startJob: async (request) => (await post<{ jobId: string }>('/jobs', request)).jobId,
  };
}
