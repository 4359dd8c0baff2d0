import { isUtf8 } from 'node:buffer';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GitFailedError } from '../../core/git-process.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import type { Git } from './git.ts';
import { readObjects } from './objects.ts';

/** A blob, and its encoding in checkouts. */
export type Encoded = { objectId: string; encoding: string };

/** Blobs in memory at a time. */
const AT_ONCE = 4;

/**
 * Returns the blobs that git cannot convert to their encoding and back to the same bytes: a checkout would
 * show the file as modified, or have different text. git does the conversion, in a temporary work tree with
 * one file per blob.
 */
export async function inconvertible(
  git: Git,
  workspace: Workspace,
  encoded: readonly Encoded[],
): Promise<Encoded[]> {
  if (encoded.length === 0) return [];
  const misread = await misencoded(git, encoded);
  const folder = await mkdtemp(path.join(workspace.privateFolder, 'encodings-'));
  try {
    const gitFolder = path.join(folder, 'git');
    const tree = path.join(folder, 'tree');
    for (const made of ['git/info', 'git/refs', 'tree'])
      await mkdir(path.join(folder, made), { recursive: true });
    await writeFile(path.join(gitFolder, 'HEAD'), 'ref: refs/heads/none\n');
    await symlink(path.join(workspace.gitFolder, 'objects'), path.join(gitFolder, 'objects'));
    const attributes = encoded.map(({ encoding }, i) => `/${i} -text working-tree-encoding=${encoding}\n`);
    await writeFile(path.join(gitFolder, 'info/attributes'), attributes.join(''), 'latin1');
    const entries = encoded.map(({ objectId }, i) => `100644 ${objectId}\t${i}\0`).join('');
    const run = (args: readonly string[], input?: Buffer) =>
      git.run([`--work-tree=${tree}`, ...args], {
        gitFolder,
        indexFile: path.join(gitFolder, 'index'),
        ...(input && { input }),
      });
    await run(['update-index', '-z', '--index-info'], Buffer.from(entries));
    await run(['checkout-index', '--all']);
    const changed = new Set((await run(['ls-files', '--modified', '-z'])).toString().split('\0'));
    const failed: Encoded[] = [];
    for (const [i, one] of encoded.entries()) {
      const isLost = misread.has(one) || changed.has(String(i));
      if (isLost || (await isLeftAsItWas(git, run, tree, i, one))) failed.push(one);
    }
    return failed;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * git checks out as UTF-8 what it cannot encode, and compares unconverted what it cannot decode, so such a
 * file looks unmodified. Only storing it fails.
 */
async function isLeftAsItWas(
  git: Git,
  run: (args: readonly string[], input?: Buffer) => Promise<Buffer>,
  tree: string,
  i: number,
  { objectId }: Encoded,
): Promise<boolean> {
  const bytes = await readFile(path.join(tree, String(i)));
  if (bytes.every((byte) => byte < 0x80)) return false;
  const stored = (await readObjects(git, [objectId])).get(objectId)!;
  if (!bytes.equals(stored)) return false;
  try {
    await run(['hash-object', '-w', `--path=${i}`, '--stdin'], bytes);
    return false;
  } catch (error) {
    if (!(error instanceof GitFailedError)) throw error;
    return true;
  }
}

/** Returns the blobs that are not UTF-8, or that hold UTF-16 or UTF-32 already, which git does not detect. */
async function misencoded(git: Git, encoded: readonly Encoded[]): Promise<Set<Encoded>> {
  const found = new Set<Encoded>();
  for (let at = 0; at < encoded.length; at += AT_ONCE) {
    const some = encoded.slice(at, at + AT_ONCE);
    const contents = await readObjects(
      git,
      some.map(({ objectId }) => objectId),
    );
    for (const one of some) {
      const bytes = contents.get(one.objectId)!;
      const isWide = /^utf-?(16|32)/i.test(one.encoding);
      if (!isUtf8(bytes) || (isWide && bytes.includes(0))) found.add(one);
    }
  }
  return found;
}
