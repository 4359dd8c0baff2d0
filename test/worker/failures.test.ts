import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listenOnLoopback } from '../../local/access/loopback.ts';
import type { Failure } from '../../local/model/reply.ts';
import { Stack, submit } from '../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

/** Returns the error of the outcome, and expects no request to the model. */
async function failureOf(name: string, job: Parameters<Stack['createJob']>[1] = {}, environment = {}) {
  const jobId = await stack.createJob([name], job);
  const { exitCode, model, log } = await stack.work([jobId, name], [submit], environment);
  const outcome = await stack.outcome(jobId, name);
  expect({ exitCode, outcome: outcome?.outcome, turns: outcome?.turns }).toEqual({
    exitCode: 0,
    outcome: 'failed',
    turns: 0,
  });
  expect(await stack.leftovers()).toEqual([]);
  return { ...outcome!.error!, requests: model.requests.length, log };
}

test('a repository that does not exist fails with advice, and not as a lost worker', async () => {
  const error = await failureOf('acme/absent');
  expect(error).toMatchObject({ name: 'RepositoryUnavailableError', requests: 0 });
  expect(error.message).toMatch(/no repository at .*acme\/absent.*check the name/);
});

test('an empty repository fails with advice', async () => {
  await stack.createRepository('acme/empty', {});
  const error = await failureOf('acme/empty');
  expect(error).toMatchObject({ name: 'RepositoryUnavailableError', requests: 0 });
  expect(error.message).toContain('push a first commit');
});

test('an unknown base branch is named', async () => {
  await stack.createRepository('acme/branchless', { 'a.txt': 'a' });
  const error = await failureOf('acme/branchless', { settings: { baseBranch: 'develop' } });
  expect(error.name).toBe('RepositoryUnavailableError');
  expect(error.message).toContain('no branch develop');
});

test('a refused key fails with the advice, and the key is nowhere', async () => {
  await stack.createRepository('acme/refused', { 'a.txt': 'a' });
  const jobId = await stack.createJob(['acme/refused']);
  const refusal: Failure = { status: 401, type: 'authentication_error', message: 'invalid x-api-key' };
  const { exitCode, log } = await stack.work([jobId, 'acme/refused'], [refusal]);
  const outcome = await stack.outcome(jobId, 'acme/refused');
  expect(exitCode).toBe(0);
  expect(outcome).toMatchObject({ outcome: 'failed', error: { name: 'ModelRequestError' } });
  expect(outcome!.error!.message).toContain('CLAUDE_API_KEY');
  expect(JSON.stringify(outcome) + log).not.toContain('test-claude-key');
});

test('a missing key fails with the setting to correct', async () => {
  await stack.createRepository('acme/settings', { 'a.txt': 'a' });
  const keyless = await failureOf('acme/settings', {}, { CLAUDE_API_KEY: '' });
  expect(keyless).toMatchObject({
    name: 'SettingsError',
    message: expect.stringContaining('CLAUDE_API_KEY'),
  });
});

test('a setup command that fails shows its output, and the model is not paid', async () => {
  await stack.createRepository('acme/setup', { 'a.txt': 'a' });
  const error = await failureOf('acme/setup', { settings: { setup: ['true', 'echo no compiler; exit 7'] } });
  expect(error).toMatchObject({ name: 'SetupFailedError', requests: 0 });
  expect(error.message).toMatch(/exit code 7[\s\S]*no compiler/);
});

test('a missing table leaves no outcome, and an exit status that Batch does not retry', async () => {
  await stack.createRepository('acme/outage', { 'a.txt': 'a' });
  const jobId = await stack.createJob(['acme/outage']);
  const table = { DYNAMODB_REPOSITORIES_TABLE: 'of-another-stack' };
  const { exitCode, log } = await stack.work([jobId, 'acme/outage'], [submit], table);
  expect(exitCode).toBe(1);
  expect(log).toContain('ResourceNotFoundException');
  expect(await stack.outcome(jobId, 'acme/outage')).toBeUndefined();
  expect(await stack.leftovers()).toEqual([]);
});

test.each([
  [401, 'authentication_error', 'invalid x-api-key', /Give CLAUDE_API_KEY a valid key/],
  [403, 'permission_error', 'not for you', /a key that may use this model/],
  [404, 'not_found_error', 'model: claude-sonnet-5-5', /Correct settings\.model or CLAUDE_MODEL/],
])(
  'a key or a model that the service refuses by %i stops the job before anything is cloned',
  async (status, type, message, advice) => {
    const asked: string[] = [];
    const service = await listenOnLoopback(
      (request, response) => {
        asked.push(`${request.method} ${request.url}`);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ type: 'error', error: { type, message } }));
      },
      { access: 'anyone', name: 'claude' },
    );
    try {
      // The way is the same for each status, so one of them shows the second worker.
      const names = [`acme/first-${status}`, ...(status === 401 ? [`acme/second-${status}`] : [])];
      for (const name of names) await stack.createRepository(name, { 'a.txt': 'one\n' });
      const jobId = await stack.createJob(names);
      for (const name of names) {
        const { exitCode, log } = await stack.work([jobId, name], [], { ANTHROPIC_BASE_URL: service.url });
        expect(exitCode).toBe(0);
        expect(log).not.toContain('"cloned"');
        const outcome = await stack.outcome(jobId, name);
        expect(outcome).toMatchObject({ outcome: 'failed', turns: 0, tokenUsage: { total: 0 } });
        expect(outcome!.error!.message).toMatch(advice);
      }
      // The second worker finds the refusal that the first recorded.
      expect(asked).toEqual(['GET /v1/models/claude-sonnet-5-5']);
      expect(await stack.control.get(jobId)).toMatchObject({ stoppedBy: 'modelRefused' });
    } finally {
      await service.close();
    }
  },
);
