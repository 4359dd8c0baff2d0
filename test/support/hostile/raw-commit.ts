import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { deflateSync } from 'node:zlib';
import { GIT_IDENTITY, type Stack } from '../worker-stack.ts';

/** An entry of a tree object. Its name may be one that git refuses. */
export type RawEntry = { mode: '100644' | '120000' | '160000' | '40000'; name: string | Buffer; id: string };

export type RawRepository = {
  blob(content: string | Buffer): string;
  tree(...entries: RawEntry[]): string;
};

/** Creates the repository from objects that `git add` would refuse. `build` returns the commit's tree. */
export async function pushRaw(
  stack: Stack,
  name: string,
  build: (repository: RawRepository) => string,
): Promise<void> {
  await stack.createRepository(name, {});
  const folder = mkdtempSync(path.join(stack.folder, 'raw-'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, ...GIT_IDENTITY, ...args], { stdio: 'pipe' })
      .toString()
      .trim();
  git('init', '--quiet', '--bare', '.');
  const tree = build({
    blob: (content) => writeObject(folder, 'blob', Buffer.from(content)),
    tree: (...entries) => writeObject(folder, 'tree', Buffer.concat(entries.map(entryBytes))),
  });
  const commit = git('commit-tree', tree, '-m', 'first');
  // Asynchronous, because the server runs in this process.
  const url = `${stack.github.url}/${name}.git`;
  await promisify(execFile)('git', ['-C', folder, 'push', '--quiet', url, `${commit}:refs/heads/main`]);
  rmSync(folder, { recursive: true });
}

/** Writes a loose object: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects */
function writeObject(folder: string, type: 'blob' | 'tree', content: Buffer): string {
  const object = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
  const id = createHash('sha1').update(object).digest('hex');
  const file = path.join(folder, 'objects', id.slice(0, 2), id.slice(2));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, deflateSync(object));
  return id;
}

function entryBytes({ mode, name, id }: RawEntry): Buffer {
  return Buffer.concat([
    Buffer.from(`${mode} `),
    Buffer.from(name),
    Buffer.from([0]),
    Buffer.from(id, 'hex'),
  ]);
}

/** Creates the repository on the server from a stream of many or large files. */
export async function pushImport(
  stack: Stack,
  name: string,
  files: () => Iterable<{ path: string; content: string }>,
): Promise<void> {
  await stack.createRepository(name, {});
  const folder = mkdtempSync(path.join(stack.folder, 'import-'));
  execFileSync('git', ['init', '--quiet', '--bare', folder]);
  const child = spawn('git', ['-C', folder, 'fast-import', '--quiet'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close');
  await pipeline(Readable.from(importStream(files())), child.stdin);
  await ended;
  const url = `${stack.github.url}/${name}.git`;
  await promisify(execFile)('git', ['-C', folder, 'push', '--quiet', url, 'main']);
  rmSync(folder, { recursive: true });
}

function* importStream(files: Iterable<{ path: string; content: string }>): Generator<string> {
  yield 'commit refs/heads/main\ncommitter Test <test@example.com> 1700000000 +0000\ndata 5\nfirst\n';
  for (const { path: file, content } of files)
    yield `M 100644 inline ${file}\ndata ${Buffer.byteLength(content)}\n${content}\n`;
}
