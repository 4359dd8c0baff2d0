import { createHash } from 'node:crypto';
import { json } from 'node:stream/consumers';
import { listenOnLoopback } from '../../local/access/loopback.ts';

export type PacedGitHub = {
  readonly apiUrl: string;
  /**
   * By repository, when its pull requests were opened, as `performance.now()`; more than one is a
   * duplicate.
   */
  readonly opened: ReadonlyMap<string, number[]>;
  close(): Promise<void>;
};

/** Every repository has this head and tree. */
export const HEAD = sha('head');

/**
 * The seven routes for opening a pull request, without git. Ten thousand real repositories would take
 * longer than the pacing that is tested here. Answers have only the fields that the product reads.
 */
export async function startPacedGitHub(): Promise<PacedGitHub> {
  const opened = new Map<string, number[]>();
  const server = await listenOnLoopback(
    async (request, response) => {
      const url = new URL(request.url!, 'http://127.0.0.1');
      const [, owner, repo, route] = /^\/repos\/([^/]+)\/([^/]+)\/(.+)$/.exec(url.pathname) ?? [];
      const body = request.method === 'POST' ? ((await json(request)) as Record<string, unknown>) : {};
      const name = `${owner}/${repo}`;
      const answer = (status: number, value: unknown) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      const times = opened.get(name) ?? [];
      switch (`${request.method} ${route}`) {
        case 'GET pulls':
          return answer(
            200,
            times.map((_, i) => pull(name, i + 1)),
          );
        case 'GET branches/main':
          return answer(200, { name: 'main', commit: { sha: HEAD, commit: { tree: { sha: sha('tree') } } } });
        case `GET git/trees/${sha('tree')}`:
          return answer(200, {
            tree: [{ path: 'a.txt', type: 'blob', mode: '100644', sha: sha('a.txt') }],
            truncated: false,
          });
        case 'POST git/trees':
          return answer(201, { sha: sha(JSON.stringify(body.tree)) });
        case 'POST git/commits':
          return answer(201, { sha: sha(JSON.stringify(body)) });
        case 'POST git/refs':
          return answer(201, { ref: body.ref });
        case 'POST pulls':
          opened.set(name, [...times, performance.now()]);
          return answer(201, pull(name, times.length + 1));
        default:
          return answer(501, { message: `${request.method} ${url.pathname}` });
      }
    },
    { access: 'anyone', name: 'paced github' },
  );
  return { apiUrl: server.url, opened, close: server.close };
}

function pull(name: string, number: number) {
  const html_url = `https://github.example/${name}/pull/${number}`;
  return { number, html_url, state: 'open', draft: false, body: null, merged_at: null, labels: [] };
}

function sha(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
