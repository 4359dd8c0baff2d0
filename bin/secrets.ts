/** `npm run secrets [-- FILE…]`: scans the tree and the deployed bundles, or only the given files, for secrets. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { glob } from 'glob';
import { bundleFunctions } from '../lib/bundles.ts';
import { bundleWorker } from '../worker/bundle.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SECRETLINT = path.join(ROOT, 'node_modules/secretlint/bin/secretlint.js');

process.exitCode = await main(process.argv.slice(2));

async function main(files: readonly string[]): Promise<number> {
  if (files.length > 0) return scan(files);
  const folder = mkdtempSync(path.join(tmpdir(), 'cody-batch-secrets-'));
  try {
    await bundleFunctions(path.join(folder, 'functions'));
    await bundleWorker(path.join(folder, 'worker'));
    const built = await glob('**/*', { cwd: folder, absolute: true, nodir: true });
    return scan([...filesOfTree(), ...built]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The files that git tracks, and untracked ones that it does not ignore. */
function filesOfTree(): string[] {
  const git = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const listed = execFileSync('git', git, { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);
  const deleted = execFileSync('git', ['ls-files', '-z', '--deleted'], { cwd: ROOT, encoding: 'utf8' });
  const gone = new Set(deleted.split('\0'));
  return listed.filter((file) => !gone.has(file)).map((file) => path.join(ROOT, file));
}

function scan(files: readonly string[]): number {
  const config = path.join(ROOT, '.secretlintrc.json');
  // Without --no-glob, a `[` in a name would be a pattern.
  const args = [SECRETLINT, '--secretlintrc', config, '--no-glob', '--maskSecrets', ...files];
  const { status, error } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (error) throw error;
  if (status === 0) console.log(`No secret was found in ${files.length} files.`);
  return status ?? 1;
}
