import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { registerWorkTrees } from '../../../cli/trees/register.ts';
import { inspectWorkTree } from '../../../cli/trees/work-tree.ts';
import { endOfJob } from '../../support/end-of-job.ts';
import { type ServedStack, startStackProcess } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { repositoryOf } from '../../support/work-trees.ts';

const GUIDE = new URL('../../../docs/api.md', import.meta.url);

let stack: ServedStack;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let jobId: string;
let shape: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  stack = await startStackProcess({ given: { ALLOWED_REPOSITORIES: 'local/*,acme/*' } });
  await repositoryOf(`${folder.path}/sample`, { 'a.txt': 'one two\n' });
  await registerWorkTrees([await inspectWorkTree(`${folder.path}/sample`)], stack.gitHub);
  const headers = { 'content-type': 'application/json' };
  const repositories = ['local/sample'];
  const body = JSON.stringify({ prompt: "Replace 'one' with 'two'.", repositories });
  const posted = await fetch(`${stack.api}/jobs`, { method: 'POST', headers, body });
  jobId = ((await posted.json()) as { jobId: string }).jobId;
  await endOfJob(stack.api, jobId);
  const rows = await fetch(`${stack.api}/jobs/${jobId}/rows`);
  const { columns } = (await rows.json()) as { columns: { shape?: (string | null)[] } };
  shape = columns.shape?.[0] ?? '';
});
afterAll(async () => {
  await stack?.close();
  await folder?.remove();
});

/** The shell blocks of the guide that send requests to the API, as they are written. */
async function blocks(): Promise<string[]> {
  const text = await readFile(GUIDE, 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)]
    .map(([, block]) => block!)
    .filter((block) => block.includes('$API_URL') && !block.includes('$TOKEN_URL'));
}

/** A job that completed has nothing to retry, and holds nothing back. Whatever is written wrongly is 400 or 404. */
const EXPECTED = /^(?:2\d\d|409)$/;

test('each line of the guide runs as it is written, and the API takes it', async () => {
  const all = await blocks();
  expect(all.length).toBeGreaterThan(8);
  for (const block of all) {
    // Only what needs the package registry is left out.
    const script = block.replace(/^npx .*$/gm, '');
    const { stdout } = await promisify(execFile)(
      '/bin/bash',
      [
        '-euo',
        'pipefail',
        '-c',
        `curl() { command curl --write-out '%{stderr}%{http_code}\\n' "$@" 2>>statuses; }\n${script}\n`,
      ],
      {
        cwd: folder.path,
        env: { PATH: process.env.PATH, API_URL: stack.api, JOB_ID: jobId, SHAPE: shape, TOKEN: 'none' },
      },
    );
    if (block.includes('| jq')) expect([block, stdout.trim() !== '']).toEqual([block, true]);
  }
  const statuses = (await readFile(`${folder.path}/statuses`, 'utf8')).trim().split('\n');
  for (const status of statuses) expect(status).toMatch(EXPECTED);
  expect(statuses.filter((status) => status.startsWith('2')).length).toBeGreaterThan(statuses.length / 2);
  expect(JSON.parse(await readFile(`${folder.path}/openapi.json`, 'utf8')).openapi).toBe('3.1.0');
});
