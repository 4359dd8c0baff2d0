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

/** What has to become of files that were staged with the tree's own bytes. */
export type StoredForm = {
  /** Files that .gitattributes make text and that came with CRLF: the blob with LF, by path. */
  withLf: ReadonlyMap<string, string>;
  /** What must not be stored as it is, and why, by path. */
  unstorable: ReadonlyMap<string, string>;
};

/**
 * Nothing is converted on its way into the index, so that a file that was not touched stays as it is. This says what
 * `git add` would have done to those that were: else every clone would show them as modified from then on.
 */
export async function storedForm(
  clone: Clone,
  workspace: Workspace,
  differences: readonly Difference[],
): Promise<StoredForm> {
  const written = differences.filter(({ mode, id, oldId }) => isFileMode(mode) && id !== oldId);
  const attributes = await attributesOf(
    clone.git,
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

/** A blob that the base commit has under a filter, such as a pointer of LFS that was moved, is in its stored form. */
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
        `has the attribute filter=${attributes.filter}, so only git with that filter can store it, which does not run here: undo the change of that file, or put the content at a path without a filter`,
      ]),
  );
}

/** Which of these blobs the base commit has at paths with a filter. */
async function storedBlobs(
  { git, baseSha }: Clone,
  workspace: Workspace,
  wanted: ReadonlySet<string>,
): Promise<Set<string>> {
  const listing = await git.run(['ls-tree', '-r', '-z', baseSha]);
  const paths = new Map<string, string>();
  for (const entry of listing.toString('latin1').split('\0')) {
    const tab = entry.indexOf('\t');
    const objectId = entry.slice(entry.lastIndexOf(' ', tab) + 1, tab);
    if (wanted.has(objectId)) paths.set(entry.slice(tab + 1), objectId);
  }
  const attributes = await attributesOf(git, workspace, [...paths.keys()]);
  const found = [...paths].filter(([file]) => attributes.get(file)?.filter !== undefined);
  return new Set(found.map(([, objectId]) => objectId));
}

/** A file whose blob did not convert before has no form that could be lost. */
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

/** Blobs of files that are gone: where one turns up at a new path, the file was moved, and keeps its bytes. */
function movedBlobs(differences: readonly Difference[]): Set<string> {
  return new Set(differences.filter(({ mode }) => mode === NULL_MODE).map(({ oldId }) => oldId));
}

/** Whether git would take CRs out of these bytes. */
export function hasLineEnds(bytes: Buffer, text: Attributes['text']): boolean {
  return bytes.includes('\r\n') && (text === 'always' || !looksBinary(bytes));
}

/** What `text=auto` goes by, as git's convert.c has it. */
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
  // The end-of-file mark of DOS does not count.
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

/** Stores blobs by one process, which takes files; their identifiers, in order. */
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
