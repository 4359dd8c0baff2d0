import type { IncomingMessage } from 'node:http';
import type { GitHub } from '../github.ts';
import { answerRest } from '../rest/rest.ts';
import { type Page, redirectTo, refusalPage } from './page.ts';

const PATH = /^\/([^/]+)\/([^/]+)\/pull\/([1-9]\d{0,8})\/(merge|close)\/([0-9a-f]{40})$/;

/** The request of the REST API that each button stands for. */
const REQUESTS = {
  merge: (sha: string) => ({ method: 'PUT', below: '/merge', body: { sha } }),
  close: () => ({ method: 'PATCH', below: '', body: { state: 'closed' } }),
} as const;

/**
 * Carries out a button of a pull request's page through the REST API's own code, and leads back to the page. Returns
 * undefined for any other path. A page of another origin could send such a form too, so the origin must be the page's.
 */
export async function serveAction(
  github: GitHub,
  request: IncomingMessage,
  path: string,
): Promise<Page | undefined> {
  const [, owner = '', name = '', number = '', action, sha = ''] = PATH.exec(path) ?? [];
  const repository = action ? github.repositories.find(owner, name) : undefined;
  const pull = await repository?.pulls.find(Number(number));
  if (!repository || !pull) return undefined;
  const page = `/${repository.fullName}/pull/${number}`;
  const { method, below, body } = REQUESTS[action as 'merge' | 'close'](sha);
  if (request.method !== 'POST') return redirectTo(page);

  const { origin, host } = request.headers;
  if (origin !== `http://${host}`) {
    const reason = `The request came from ${origin ?? 'no page'}. Open the pull request at http://${host}, and press the button there.`;
    return refusalPage(403, 'Not from this page', reason, page);
  }
  if (pull.head.sha !== sha) {
    const reason = `The page showed the branch ${pull.head.ref} at ${sha.slice(0, 12)}, and it is at ${pull.head.sha.slice(0, 12)} now. Look at the change again.`;
    return refusalPage(409, 'The branch has changed', reason, page);
  }
  const restPath = `/repos/${repository.fullName}/pulls/${number}${below}`;
  const answer = await answerRest(github, {
    request,
    method,
    path: restPath,
    url: new URL(github.apiUrl + restPath),
    readBody: async () => body,
  });
  if (answer.status < 300) return redirectTo(page);
  const reason = answer.body instanceof Error ? answer.body.message : `It was answered ${answer.status}.`;
  return refusalPage(answer.status, action === 'merge' ? 'Not merged' : 'Not closed', reason, page);
}
