import type http from 'node:http';
import { listenOnLoopback, readBody } from '../../local/access/loopback.ts';

export type Received = { path: string; headers: http.IncomingHttpHeaders; body: string };

export type NoticeReceiver = {
  url: string;
  /** The requests so far. */
  received: Received[];
  /** The status of the next answers; 204 by default. */
  answer: number;
  close(): Promise<void>;
};

/** A webhook on loopback. */
export async function startNoticeReceiver(): Promise<NoticeReceiver> {
  const received: Received[] = [];
  const server = await listenOnLoopback(
    async (request, response) => {
      const body = String(await readBody(request, 100_000));
      received.push({ path: request.url!, headers: request.headers, body });
      const isRedirect = receiver.answer === 302;
      response.writeHead(receiver.answer, isRedirect ? { location: '/elsewhere' } : {}).end();
    },
    { access: 'anyone', name: 'notice receiver' },
  );
  const receiver: NoticeReceiver = { url: server.url, received, answer: 204, close: () => server.close() };
  return receiver;
}
