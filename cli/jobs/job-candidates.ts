import { ApiClient } from '../connect/api-client.ts';
import { lastJobAt } from '../connect/contexts.ts';
import { type Target, targetOf } from '../connect/target.ts';
import { ago } from './ago.ts';

/** The user waits at the prompt. */
const MAX_WAIT_MS = 2000;
const MAX_LISTED = '30';

/** The newest jobs where the words of a command line look for them, for completion. It starts no stack, and never fails. */
export async function jobCandidates(words: readonly string[]): Promise<[id: string, description: string][]> {
  try {
    const target = targetOf({
      api: optionIn('--api', words),
      context: optionIn('--context', words),
      data: optionIn('--data', words),
    });
    // The process ends, and the prompt is back, once nothing waits any more: the request has to be ended too.
    const api = await clientOf(target, AbortSignal.timeout(MAX_WAIT_MS));
    const page = await api?.listJobs({ limit: MAX_LISTED }).catch(() => undefined);
    if (page) {
      return page.jobs.map(({ jobId, status, createdAt, name }) => [
        jobId,
        `${status}, ${ago(createdAt)} ago: ${name.replace(/\s+/g, ' ').slice(0, 40)}`,
      ]);
    }
    const last = lastJobAt(target.kind === 'api' ? target.url : target.folder);
    return last ? [[last, 'the last job']] : [];
  } catch {
    return [];
  }
}

async function clientOf(target: Target, signal: AbortSignal): Promise<ApiClient | undefined> {
  if (target.kind === 'api') {
    const { authorizationOf } = await import('../connect/tokens.ts');
    return new ApiClient(target.url, authorizationOf(target.url), signal);
  }
  const { runningStack } = await import('../../local/data-folder.ts');
  const stack = runningStack(target.folder);
  return stack && new ApiClient(stack.api, stack.secret, signal);
}

function optionIn(option: string, words: readonly string[]): string | undefined {
  const at = words.lastIndexOf(option);
  if (at !== -1) return words[at + 1];
  return words.findLast((word) => word.startsWith(`${option}=`))?.slice(option.length + 1);
}
