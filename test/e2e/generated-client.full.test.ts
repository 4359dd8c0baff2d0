import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { PLAIN_ENVIRONMENT, ROOT, type ServedStack, startStackProcess } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

const run = promisify(execFile);

/** The generator crashes with this project's TypeScript 7, so both are installed apart. */
const GENERATOR = ['@hey-api/openapi-ts@0.99.0', 'typescript@5.9.3'];

/** A program of somebody who has the description, and nothing else of this project. */
const PROGRAM = `
import { createJob, getJob, getDiff } from './client';
import { client } from './client/client.gen';

client.setConfig({ baseUrl: process.env.API! });
const created = await createJob({
  body: { prompt: "Replace 'one' with 'two'.", repositories: ['local/sample'] },
  headers: { 'Idempotency-Key': 'a-generated-client' },
  throwOnError: true,
});
if (!('jobId' in created.data)) throw new Error('a dry run was not asked for');
const jobId: string = created.data.jobId;
for (;;) {
  const { data } = await getJob({ path: { jobId }, query: { limit: 10 }, throwOnError: true });
  if (['completed', 'failed', 'cancelled'].includes(data.status)) {
    const diff = await getDiff({ path: { jobId, owner: 'local', name: 'sample' }, parseAs: 'text', throwOnError: true });
    console.log(JSON.stringify({ status: data.status, outcome: data.results[0]?.outcome, diff: diff.data }));
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const refused = await createJob({ body: { prompt: '', repositories: [] } });
console.log(JSON.stringify({ type: refused.error && 'type' in refused.error && refused.error.type }));
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let stack: ServedStack;

beforeAll(async () => {
  folder = await temporaryFolder();
  stack = await startStackProcess();
  await repositoryOf(`${folder.path}/sample`, { 'a.txt': 'one\n' });
  await registerWorkTrees([await inspectWorkTree(`${folder.path}/sample`)], stack.gitHub);
});
afterAll(async () => {
  await stack?.close();
  await folder?.remove();
});

test('a client that is generated from docs/openapi.json compiles, starts a job and reads its end', async () => {
  const options = { cwd: folder.path, env: { ...process.env, ...PLAIN_ENVIRONMENT, API: stack.api } };
  await writeFile(`${folder.path}/package.json`, '{"private":true,"type":"module"}');
  await run('npm', ['install', '--no-audit', '--no-fund', '--no-save', ...GENERATOR], options);
  const program = (name: string) => path.join(folder.path, 'node_modules/.bin', name);
  await run(program('openapi-ts'), ['-i', path.join(ROOT, 'docs/openapi.json'), '-o', 'client'], options);
  await writeFile(
    `${folder.path}/main.ts`,
    `${PROGRAM}declare const process: { env: Record<string, string | undefined> };\n`,
  );
  const flags = '--noEmit --strict --skipLibCheck --target es2022 --module esnext --moduleResolution bundler';
  await run(
    program('tsc'),
    [...flags.split(' '), '--lib', 'es2022,dom,dom.iterable', 'main.ts'],
    options,
  ).catch(({ stdout }: { stdout: string }) => {
    throw new Error(`The generated client does not compile:\n${stdout}`);
  });
  await build({
    entryPoints: [`${folder.path}/main.ts`],
    outfile: `${folder.path}/main.mjs`,
    ...{ bundle: true, format: 'esm', platform: 'node', logLevel: 'silent' },
  });
  const { stdout } = await run(process.execPath, ['main.mjs'], options);
  const [ended, refused] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(ended).toMatchObject({
    status: 'completed',
    outcome: 'changed',
    diff: expect.stringContaining('+two'),
  });
  expect(refused).toEqual({ type: 'urn:cody-batch:problem:the-request-does-not-fit' });
});
