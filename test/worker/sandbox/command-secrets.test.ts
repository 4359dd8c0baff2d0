import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { toolExchanges } from '../../../local/model/conversation.ts';
import { call, calls, filesBelow, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
  Object.assign(stack.environment, { COMMAND_SECRETS: 'REGISTRY_TOKEN,OTHER_TOKEN', ...SECRETS });
});
afterAll(() => stack.close());

const SECRETS = { REGISTRY_TOKEN: 'registry-token-4711', OTHER_TOKEN: 'other-token-0815' };
const files = { 'a.txt': 'one\n' };
const edit = call('edit_file', { path: 'a.txt', oldText: 'one', newText: 'two' });

test('a secret that the job names reaches setup, but not the model, its commands or any artifact', async () => {
  const show = 'env | grep -c TOKEN; cat log; exit 0';
  const settings = {
    commandSecrets: ['REGISTRY_TOKEN'],
    setup: ['test "$OTHER_TOKEN" = "" && echo "auth $REGISTRY_TOKEN" | tee log && base64 < log > log.base64'],
    verify: [show],
    shell: true,
  };
  const { outcome, model, log, jobId } = await stack.analyze(
    files,
    [
      calls(
        edit,
        call('shell', { command: show }),
        call('run_check', { command: show }),
        call('shell', { command: 'cat log.base64' }),
      ),
      submit,
      calls(call('shell', { command: 'rm log log.base64' })),
      submit,
    ],
    { settings },
  );
  const [, shell, check, , refused] = toolExchanges(model.requests.at(-1)!.body);
  for (const { result } of [shell!, check!]) expect(result).toMatch(/\n0\nauth \[redacted\]\n$/);
  expect(refused).toMatchObject({ isError: true, result: expect.stringContaining('credential') });
  expect(outcome).toMatchObject({ outcome: 'changed', changes: [{ file: 'a.txt' }] });
  const seen = [
    log,
    JSON.stringify(model.requests.map(({ body }) => body)),
    filesBelow(path.join(stack.folder, 'artifacts/jobs', jobId)),
  ];
  const base64 = Buffer.from(SECRETS.REGISTRY_TOKEN).toString('base64').slice(4, -4);
  for (const text of seen) expect(text).not.toMatch(new RegExp(`${SECRETS.REGISTRY_TOKEN}|${base64}`));
});

test('a failed setup shows its output without the secret, and a secret that is not allowed runs no command', async () => {
  const command = 'echo "denied for $REGISTRY_TOKEN"; exit 1';
  const failed = await stack.analyze(files, [], {
    settings: { commandSecrets: ['REGISTRY_TOKEN'], setup: [command] },
  });
  expect(failed.outcome.error).toMatchObject({
    name: 'SetupFailedError',
    message: expect.stringContaining('denied for [redacted]'),
  });
  const refused = await stack.analyze(files, [], {
    settings: { commandSecrets: ['UNKNOWN_TOKEN'], setup: ['touch ran'] },
  });
  expect(refused.outcome).toMatchObject({
    outcome: 'failed',
    changes: [],
    error: {
      name: 'SettingsError',
      message: expect.stringMatching(/REGISTRY_TOKEN.*asks for UNKNOWN_TOKEN/),
    },
  });
});
