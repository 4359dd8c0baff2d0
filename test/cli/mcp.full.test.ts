import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CLI, PLAIN_ENVIRONMENT } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let client: Client;

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const name of ['one', 'two'])
    await repositoryOf(path.join(folder.path, name), { 'a.js': 'oldCall(1);\n' });
  client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [CLI, 'mcp', '--data', path.join(folder.path, 'data')],
      env: PLAIN_ENVIRONMENT,
      stderr: 'ignore',
    }),
  );
});
afterAll(async () => {
  await client.close();
  await folder.remove();
});

async function call(name: string, args: Record<string, unknown>): Promise<string> {
  const { content, isError } = await client.callTool({ name, arguments: args });
  const [{ text }] = content as [{ text: string }];
  return isError ? `error: ${text}` : text;
}

test("the SDK's client starts a planned job, reads its change, approves it and has it published", async () => {
  const job = { prompt: "Replace 'oldCall(' with 'newCall('." };
  const plan = JSON.parse(
    await call('plan_job', { job, repositories: ['one', 'two'].map((name) => path.join(folder.path, name)) }),
  );
  expect(plan).toMatchObject({ count: 2, mostUsd: null });
  expect(await call('start_job', { planId: 'made-up', mayCostUpToUsd: 1 })).toMatch(
    /^error: There is no such plan/,
  );
  const { jobId } = JSON.parse(await call('start_job', { planId: plan.planId, mayCostUpToUsd: 0 }));
  for (;;) {
    const { status } = JSON.parse(await call('watch_job', { job: jobId, waitSeconds: 30 }));
    if (status === 'completed') break;
    expect(['pending', 'processing']).toContain(status);
  }
  expect(await call('get_diff', { job: '-', repository: 'one' })).toContain('+newCall(1);');
  expect(await call('get_thread', { job: jobId, repository: 'two' })).toContain('- edit_file');
  const [shape] = JSON.parse(await call('list_shapes', { job: jobId }));
  expect(shape.repositories).toHaveLength(2);
  const review = { job: jobId, decision: 'approve', shape: shape.shape };
  expect(await call('review_changes', { ...review, seen: 'f'.repeat(64) })).toMatch(/^error: /);
  expect(await call('publish', { job: jobId })).toMatch(/^error: /);
  await call('review_changes', { ...review, seen: shape.seen });
  expect(JSON.parse(await call('publish', { job: jobId }))).toMatchObject({ jobId, run: 2 });
  for (;;) {
    const { pullRequests } = JSON.parse(await call('watch_job', { job: jobId, waitSeconds: 5 }));
    if (pullRequests?.open === 2) break;
  }

  expect(JSON.parse(await call('resolve_repositories', { repositories: ['local/*'] }))).toMatchObject({
    count: 2,
  });
  const again = { job: jobId, mayCostUpToUsd: 0 };
  expect(await call('retry_job', again)).toMatch(/^error: .*nothing to retry/);
  expect(await call('continue_job', again)).toMatch(/^error: .*holds no repositories back/);
  const instruction = 'Leave it.';
  expect(await call('revise_job', { ...again, instruction })).toMatch(/^error: .*repositories/);
  expect(
    JSON.parse(await call('revise_job', { ...again, instruction, repositories: ['one'] })),
  ).toMatchObject({ jobId, run: 3 });
  const runs = JSON.parse(await call('list_runs', { job: jobId })) as { kind: string }[];
  expect(runs.map(({ kind }) => kind)).toEqual(['revise', 'publish', 'create']);
});
