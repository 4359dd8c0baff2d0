import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { deflateSync } from 'node:zlib';
import type { Stack } from '../worker-stack.ts';

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
  const bare = stack.bareOf(name);
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', bare, ...identity, ...args], { stdio: 'pipe' })
      .toString()
      .trim();
  const tree = build({
    blob: (content) => writeObject(bare, 'blob', Buffer.from(content)),
    tree: (...entries) => writeObject(bare, 'tree', Buffer.concat(entries.map(entryBytes))),
  });
  git('update-ref', 'refs/heads/main', git('commit-tree', tree, '-m', 'first'));
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
  const child = spawn('git', ['-C', stack.bareOf(name), 'fast-import', '--quiet'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close');
  await pipeline(Readable.from(importStream(files())), child.stdin);
  await ended;
}

function* importStream(files: Iterable<{ path: string; content: string }>): Generator<string> {
  yield 'commit refs/heads/main\ncommitter Test <test@example.com> 1700000000 +0000\ndata 5\nfirst\n';
  for (const { path: file, content } of files)
    yield `M 100644 inline ${file}\ndata ${Buffer.byteLength(content)}\n${content}\n`;
}
