import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BedrockReply, startBedrock } from '../../support/bedrock-server.ts';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  // As the container image has it, where Bedrock's client is a part that is loaded on demand.
  stack = await Stack.start();
});
afterAll(() => stack.close());

const files = { 'a.txt': 'one\n' };
const usage = { input_tokens: 1000, output_tokens: 100 };
const edit = {
  ...calls(call('write_file', { path: 'b.txt', content: 'zwei, größer 🙂\n'.repeat(20) })),
  usage,
};

/** A worker as in a task on AWS: without an API key, and with the role's credentials at an address. */
async function work(replies: readonly BedrockReply[], settings: { model?: string } = {}, environment = {}) {
  const bedrock = await startBedrock(replies);
  try {
    const analyzed = await stack.analyze(files, [], {
      settings,
      environment: {
        CLAUDE_PROVIDER: 'bedrock',
        ANTHROPIC_BEDROCK_BASE_URL: bedrock.url,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: bedrock.credentialsUrl,
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: '',
        AWS_SECRET_ACCESS_KEY: '',
        CLAUDE_API_KEY: '',
        CLAUDE_PATIENCE_SECONDS: '1',
        ...environment,
      },
    });
    return { ...analyzed, requests: bedrock.requests };
  } finally {
    await bedrock.close();
  }
}

test("Bedrock does the work by the task's role, and no key of the Anthropic API goes there", async () => {
  const keys = { CLAUDE_API_KEY: 'sk-ant-not-for-aws', AWS_BEARER_TOKEN_BEDROCK: 'no-bearer-either' };
  const { outcome, requests, model } = await work([edit, { ...submit, usage }], {}, keys);
  expect(outcome).toMatchObject({ outcome: 'changed', turns: 2, tokenUsage: { input: 2000, output: 200 } });
  expect(outcome.changes).toMatchObject([{ file: 'b.txt', additions: 20 }]);
  expect(model.requests).toHaveLength(0);
  expect(requests).toHaveLength(2);
  for (const { headers, body, model } of requests) {
    expect(model).toBe('global.anthropic.claude-sonnet-5-5');
    expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 .*\/eu-central-1\/bedrock\//);
    expect(headers).not.toHaveProperty('x-api-key');
    expect(JSON.stringify([headers, body])).not.toMatch(/not-for-aws|no-bearer-either/);
    expect(body).toMatchObject({ anthropic_version: expect.any(String), thinking: { type: 'adaptive' } });
    expect(body).not.toHaveProperty('model');
  }
});

test('Bedrock has prices of its own: no figure, and the log says that caps in dollars cannot hold', async () => {
  const { outcome, log } = await work([edit, { ...submit, usage }]);
  expect(outcome.costUsd).toBeUndefined();
  expect(outcome.model).toBe('global.anthropic.claude-sonnet-5-5');
  expect(log).toMatch(/No price is known for global\.anthropic\.claude-sonnet-5-5.*maxCostUsd/);
});

test("a job may name any of Bedrock's models, by its ID or the ARN of a profile", async () => {
  const arn = 'arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3';
  for (const model of ['eu.anthropic.claude-opus-5-5', arn]) {
    const { requests, outcome } = await work([edit, submit], { model });
    expect(requests[0]!.model).toBe(model);
    expect(outcome.outcome).toBe('changed');
  }
});

test("a worker of the Anthropic API does not load Bedrock's client", async () => {
  const loaded = new Set<string>();
  const load = async (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    const imported = [...(await readFile(file, 'utf8')).matchAll(/(?:from|import)"(\.\/[^"]+)"/g)];
    for (const [, name] of imported) await load(path.join(path.dirname(file), name!));
  };
  await load(stack.entry);
  // Loaded during the clone, for every provider.
  const [, model] = /import\("\.\/(model-[^"]+)"\)/.exec(await readFile(stack.entry, 'utf8'))!;
  await load(path.join(path.dirname(stack.entry), model!));
  expect(loaded.size).toBeGreaterThan(1);
  const parts = await Promise.all([...loaded].map((file) => readFile(file, 'utf8')));
  expect(parts.join('')).toContain('x-stainless');
  expect(parts.join('')).not.toContain('invoke-with-response-stream');
});

test('an error about the role names the missing permission', async () => {
  const denied = { status: 403, errorType: 'AccessDeniedException', message: 'not authorized' };
  const { outcome } = await work([denied]);
  expect(outcome).toMatchObject({ outcome: 'failed', error: { name: 'ModelRequestError' } });
  expect(outcome.error!.message).toMatch(/not authorized.*bedrock:InvokeModelWithResponseStream/);
});

test('a throttled request to Bedrock is retried and then pauses, before an answer and within one', async () => {
  const limited = { status: 429, errorType: 'ThrottlingException', message: 'Too many requests' };
  const within = { exception: 'throttlingException', message: 'Too many tokens' };
  const passing = await work(
    [limited, within, edit, { ...submit, usage }],
    {},
    { CLAUDE_PATIENCE_SECONDS: '20' },
  );
  expect(passing.outcome).toMatchObject({ outcome: 'changed', turns: 2 });
  const staying = await work([edit, ...Array.from({ length: 9 }, () => within)]);
  expect(staying.outcome).toMatchObject({ outcome: 'throttled', turns: 1 });
  expect(staying.outcome.summary).toContain('throttlingException');
});
