import http from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listenOnLoopback } from '../../../local/access/loopback.ts';
import { Stack, submitUnchanged } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

type Fault = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const html: Fault = (_request, response) =>
  void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>');
const FAULTS: Record<string, Fault> = {
  'a connection that is reset': (_request, response) => void response.destroy(),
  'an HTTP 500': (_request, response) => void response.writeHead(500).end('oops'),
  'an HTTP 429': (_request, response) => void response.writeHead(429).end('slow down'),
  'an HTML page': html,
  // git reads it as the list of references of an empty repository.
  'an empty answer': (request, response) => {
    const type = request.url!.includes('/info/refs') ? 'advertisement' : 'result';
    response.writeHead(200, { 'content-type': `application/x-git-upload-pack-${type}` });
    response.end(type === 'result' ? '0000' : '001e# service=git-upload-pack\n0000000eversion 2\n0000');
  },
};

/** A proxy between git and its server that replaces the first `failing` answers by `fault`. */
async function faultyGit(fault: Fault, failing: number) {
  let seen = 0;
  const target = new URL(stack.github.url);
  return listenOnLoopback(
    (request, response) => {
      if (++seen <= failing) return fault(request, response);
      const { method, url, headers } = request;
      const forwarded = http.request(
        {
          host: target.hostname,
          port: target.port,
          method,
          path: url,
          headers: { ...headers, host: target.host },
        },
        (answer) => {
          response.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(response);
        },
      );
      forwarded.on('error', () => response.destroy());
      request.pipe(forwarded);
    },
    { access: 'anyone', name: 'git proxy' },
  );
}

async function cloneThrough(name: string, fault: Fault, failing: number, patience: string) {
  await stack.createRepository(name, { 'a.txt': 'one\n' });
  const git = await faultyGit(fault, failing);
  try {
    const jobId = await stack.createJob([name]);
    const environment = { GITHUB_API_URL: `${git.url}/api/v3`, GIT_PATIENCE_SECONDS: patience };
    const { exitCode, log } = await stack.work([jobId, name], [submitUnchanged], environment);
    return {
      exitCode,
      log,
      outcome: await stack.outcome(jobId, name),
      row: await stack.rows.get(jobId, name),
    };
  } finally {
    await git.close();
  }
}

test('a clone retries through any kind of outage of the git server', async () => {
  const cloned = await Promise.all(
    Object.entries(FAULTS).map(async ([what, fault], i) => {
      // Two answers, because a clone has two requests: the references, and the objects.
      const { outcome, log } = await cloneThrough(`acme/outage-${i}`, fault, 2, '60');
      return [what, outcome?.outcome, log.includes('git is asked again')];
    }),
  );
  expect(cloned).toEqual(Object.keys(FAULTS).map((what) => [what, 'unchanged', true]));
});

test('a lasting outage fails the repository with the URL of the git server, before the model is paid', async () => {
  const { exitCode, outcome } = await cloneThrough('acme/down', FAULTS['an HTTP 500']!, 1000, '1');
  expect(exitCode).toBe(0);
  expect(outcome).toMatchObject({
    outcome: 'failed',
    turns: 0,
    costUsd: 0,
    error: { name: 'RepositoryUnavailableError' },
  });
  expect(outcome!.error!.message).toMatch(
    /acme\/down could not be cloned from http:.*\b500\b.*retry the job/s,
  );
});
