import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Workspace } from '../sandbox/workspace.ts';
import { type Attributes, attributesOf } from './attributes.ts';
import type { Clone } from './clone.ts';
import { type Difference, isFileMode, NULL_MODE } from './diff-index.ts';
import { inconvertible } from './encodings.ts';
import { readObjects, scanObjects } from './objects.ts';

const CR = 0x0d;
const LF = 0x0a;

/** Corrections to files that were staged with the tree's bytes. */
export type StoredForm = {
  /** Files that .gitattributes make text and that have CRLF: the blob with LF, by path. */
  withLf: ReadonlyMap<string, string>;
  /** Files that must not be stored as they are: the reason, by path. */
  unstorable: ReadonlyMap<string, string>;
};

/**
 * Staging converts nothing, so that untouched files stay unchanged. This finds the files that `git add` would
 * have converted: stored as they are, they would show as modified in every clone.
 */
export async function storedForm(
  clone: Clone,
  workspace: Workspace,
  differences: readonly Difference[],
): Promise<StoredForm> {
  const written = differences.filter(({ mode, id, oldId }) => isFileMode(mode) && id !== oldId);
  const attributes = await attributesOf(
    clone,
    workspace,
    written.map((one) => one.path),
  );
  const asked = written.map((one) => ({ ...one, attributes: attributes.get(one.path)! }));
  const filtered = await refuseFilters(clone, workspace, asked);
  const encoded = await refuseEncodings(clone, workspace, asked);
  const unstorable = new Map([...encoded, ...filtered]);
  const fit = asked.filter((one) => !unstorable.has(one.path));
  return { withLf: await storeWithLf(clone, workspace, fit, differences), unstorable };
}

type Asked = Difference & { attributes: Attributes };

/** Accepts blobs that the base commit has at a filtered path, such as a moved LFS pointer. */
async function refuseFilters(
  clone: Clone,
  workspace: Workspace,
  asked: readonly Asked[],
): Promise<Map<string, string>> {
  const filtered = asked.filter(({ attributes }) => attributes.filter !== undefined);
  if (filtered.length === 0) return new Map();
  const stored = await storedBlobs(clone, workspace, new Set(filtered.map(({ id }) => id)));
  return new Map(
    filtered
      .filter(({ id }) => !stored.has(id))
      .map(({ path: file, attributes }) => [
        file,
        `has the attribute filter=${attributes.filter}, and filters do not run here, so it cannot be stored: undo the change of that file, or put the content at a path without a filter`,
      ]),
  );
}

/** Returns those of the blobs that the base commit has at a path with a filter. */
async function storedBlobs(
  clone: Clone,
  workspace: Workspace,
  wanted: ReadonlySet<string>,
): Promise<Set<string>> {
  const listing = await clone.git.run(['ls-tree', '-r', '-z', clone.baseSha]);
  const paths = new Map<string, string>();
  for (const entry of listing.toString('latin1').split('\0')) {
    const tab = entry.indexOf('\t');
    const objectId = entry.slice(entry.lastIndexOf(' ', tab) + 1, tab);
    if (wanted.has(objectId)) paths.set(entry.slice(tab + 1), objectId);
  }
  const attributes = await attributesOf(clone, workspace, [...paths.keys()]);
  const found = [...paths].filter(([file]) => attributes.get(file)?.filter !== undefined);
  return new Set(found.map(([, objectId]) => objectId));
}

/** Accepts files whose blob in the base commit does not convert either. */
async function refuseEncodings(
  { git }: Clone,
  workspace: Workspace,
  asked: readonly Asked[],
): Promise<Map<string, string>> {
  const pairs = asked.flatMap((one) =>
    one.attributes.encodings.map((encoding) => ({ one, encoding, objectId: one.id })),
  );
  const failed = (await inconvertible(git, workspace, pairs)) as typeof pairs;
  const known = failed
    .filter(({ one }) => isFileMode(one.oldMode))
    .map((pair) => ({ ...pair, objectId: pair.one.oldId, pair }));
  const broken = (await inconvertible(git, workspace, known)) as typeof known;
  const excused = new Set(broken.map(({ pair }) => pair));
  return new Map(
    failed
      .filter((pair) => !excused.has(pair))
      .map(({ one, encoding }) => [
        one.path,
        `has the attribute working-tree-encoding=${encoding}: git stores it as UTF-8, and these bytes cannot be converted to ${encoding} and back; write UTF-8 text that ${encoding} has characters for, or undo the change of that file`,
      ]),
  );
}

async function storeWithLf(
  { git }: Clone,
  workspace: Workspace,
  fit: readonly Asked[],
  differences: readonly Difference[],
): Promise<Map<string, string>> {
  const moved = movedBlobs(differences);
  const text = fit.filter(({ attributes, id }) => attributes.text !== 'never' && !moved.has(id));
  const contents = await readObjects(
    git,
    text.map(({ id }) => id),
  );
  const candidates = text.filter(({ id, attributes }) => hasLineEnds(contents.get(id)!, attributes.text));
  const withCr = new Set<string>();
  const known = candidates.filter(({ oldMode }) => isFileMode(oldMode)).map(({ oldId }) => oldId);
  await scanObjects(git, known, (objectId, bytes) => {
    if (bytes.includes(CR)) withCr.add(objectId);
  });
  const chosen = candidates.filter(({ oldMode, oldId }) => !isFileMode(oldMode) || !withCr.has(oldId));
  const objectIds = await writeObjects(
    git,
    workspace,
    chosen.map(({ id }) => toLf(contents.get(id)!)),
  );
  return new Map(chosen.map(({ path: file }, i) => [file, objectIds[i]!]));
}

/**
 * Returns the blobs of deleted files: if one appears at a new path, the file was moved, and keeps its bytes.
 */
function movedBlobs(differences: readonly Difference[]): Set<string> {
  return new Set(differences.filter(({ mode }) => mode === NULL_MODE).map(({ oldId }) => oldId));
}

/** Whether git would convert CRLF in these bytes to LF. */
export function hasLineEnds(bytes: Buffer, text: Attributes['text']): boolean {
  return bytes.includes('\r\n') && (text === 'always' || !looksBinary(bytes));
}

/** The test of `text=auto` in git's convert.c. */
function looksBinary(bytes: Buffer): boolean {
  let printable = 0;
  let nonprintable = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === 0) return true;
    if (byte === CR) {
      if (bytes[at + 1] !== LF) return true;
      at += 1;
    } else if (byte === LF) continue;
    else if (byte === 127 || (byte < 32 && !PRINTABLE_CONTROLS.has(byte))) nonprintable += 1;
    else printable += 1;
  }
  // DOS ends files with this character.
  if (bytes.at(-1) === 26) nonprintable -= 1;
  return Math.floor(printable / 128) < nonprintable;
}

/** Backspace, tab, form feed and escape. */
const PRINTABLE_CONTROLS: ReadonlySet<number> = new Set([8, 9, 12, 27]);

function toLf(bytes: Buffer): Buffer {
  const kept = Buffer.alloc(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === CR && bytes[at + 1] === LF) continue;
    kept[length] = bytes[at]!;
    length += 1;
  }
  return kept.subarray(0, length);
}

/** Stores blobs with one process, which reads files. Returns their identifiers in order. */
async function writeObjects(
  git: Clone['git'],
  workspace: Workspace,
  contents: readonly Buffer[],
): Promise<string[]> {
  if (contents.length === 0) return [];
  const folder = await mkdtemp(path.join(workspace.privateFolder, 'blobs-'));
  try {
    const files = contents.map((_, i) => path.join(folder, String(i)));
    for (const [i, content] of contents.entries()) await writeFile(files[i]!, content);
    const input = Buffer.from(`${files.join('\n')}\n`);
    const written = await git.run(['hash-object', '-w', '--no-filters', '--stdin-paths'], { input });
    return written.toString('latin1').trim().split('\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
