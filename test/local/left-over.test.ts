import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { newJobId } from '../../core/job.ts';
import { BatchLogs, removeLeftTemporaries } from '../../local/left-over.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const LONG_AGO = new Date('2026-01-01T00:00:00.000Z');

/** Writes files with these contents. A file whose name has `old` was last written long ago. */
async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder.path, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    if (name.includes('old')) await utimes(file, LONG_AGO, LONG_AGO);
  }
}

async function files(): Promise<string[]> {
  const entries = await readdir(folder.path, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile());
  return found.map(({ parentPath, name }) => path.relative(folder.path, path.join(parentPath, name))).sort();
}

test('unfinished files of a killed process are removed, and those of this process or of git are not', async () => {
  const started = Date.now() - 3_600_000;
  await write({
    'github/local/a.pulls/old-1.json.5f0c.tmp': '{',
    'github/local/a.pulls/old-1.json': '{}',
    'github/local/a.git/old.tmp': 'git',
    'artifacts/jobs/j/repositories/o/n/old.json.12.0.tmp': '{',
    'artifacts/jobs/j/new.json.13.0.tmp': '{',
  });
  await removeLeftTemporaries(
    ['github', 'artifacts', 'absent'].map((name) => path.join(folder.path, name)),
    started,
  );
  expect(await files()).toEqual([
    'artifacts/jobs/j/new.json.13.0.tmp',
    'github/local/a.git/old.tmp',
    'github/local/a.pulls/old-1.json',
  ]);
});

test("a job's logs are removed, also those of an earlier process, and no other job's", async () => {
  const [mine, other] = [newJobId(), newJobId()];
  const line = (jobId: string) => `{"message":"local/a of ${jobId}"}\n`;
  await write({
    'worker/default/1.log': line(mine),
    'worker/default/2.log': line(other),
    'worker/default/old-empty.log': '',
    'worker/default/new-empty.log': '',
    'worker/default/old-strange.log': 'Segmentation fault\n',
  });
  const logs = new BatchLogs(folder.path);
  await logs.remove(other);
  await write({ 'worker/default/3.log': `${line(mine)}more of ${other}\n` });
  await logs.remove(mine);
  expect(await files()).toEqual(['worker/default/new-empty.log', 'worker/default/old-strange.log']);
});
