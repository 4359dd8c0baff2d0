import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROOT } from './support/stack.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder?.remove());

const run = (script: string, ...args: string[]) =>
  spawnSync(process.execPath, [path.join(ROOT, script), ...args], { cwd: ROOT, encoding: 'utf8' });

test('every package of the lock file has its SHA-512, and none is taken from a host of its own', () => {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  const entries = Object.entries<Record<string, string | boolean>>(packages).filter(([place]) => place);
  expect(entries.length).toBeGreaterThan(600);
  // What is packed inside another package is covered by that one's digest.
  const unsure = entries.filter(([, { integrity, inBundle, link }]) => {
    return link || !(inBundle || /^sha512-[\w+/]{86}==$/.test(String(integrity)));
  });
  expect(unsure).toEqual([]);
  const elsewhere = entries.filter(
    ([, { resolved = '' }]) => resolved && !String(resolved).startsWith('https://registry.npmjs.org/'),
  );
  expect(elsewhere).toEqual([]);
});

/** In parts, so that this file is not taken for one that holds a secret. */
const PLANTED = {
  'deploy.env': `GITHUB_TOKEN=${'gh'}p_${'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx'}`,
  'notes.md': `aws_secret_access_key = ${'wJalrXUtnFEMI/K7MDENG/'}bPxRfiCYEXAMPLEKEZ`,
  'index.mjs': `${'a();'.repeat(200_000)}k="${'sk-ant-'}api03-${'Ab3_'.repeat(23)}A-${'x1Zq2w'}AA";${'b();'.repeat(1000)}`,
};

test('a secret in a file that would be committed, or in a minified bundle, is found and not shown', () => {
  mkdirSync(path.join(folder.path, 'planted [1]'));
  for (const [name, text] of Object.entries(PLANTED)) {
    const file = path.join(folder.path, 'planted [1]', name);
    writeFileSync(file, text);
    const { status, stdout, stderr } = run('bin/secrets.ts', file);
    expect([name, status, stdout]).toEqual([name, 1, expect.stringContaining(name)]);
    expect(stdout + stderr).not.toContain(text.slice(-30));
  }
  const clean = path.join(folder.path, 'planted [1]', 'clean.env');
  writeFileSync(clean, 'GITHUB_TOKEN=a-token-that-reads\n');
  expect(run('bin/secrets.ts', clean).status).toBe(0);
});
