import { sha256, toLatin1 } from './bytes.ts';
import { kinOfFile, kinOfRun } from './kin.ts';
import { type PatchFile, type Run, readPatch } from './patch.ts';
import { differences, Effort, MAX_LINE, TooMuchEffort, tokenize, withNames } from './tokens.ts';
import { unitsOf } from './units.ts';

/** Part of every shape and kin. Raise it with any change of the rules: shapes of two versions are never equal. */
const VERSION = 1;
/** Longer patches are not looked into. */
const MAX_PATCH_BYTES = 16 * 1024 * 1024;
/** Steps of comparing for one patch: about a second. */
const MAX_EFFORT = 100_000_000;
/** Longer texts are kept by their digest. */
const MAX_TEXT = 200;

export type Shapes = {
  /** Equal for changes that make the same edits, byte for byte. To decide by. */
  shape: string;
  /** Equal for changes that look alike. To look by: it does not tell `eval(` from `safeParse(`. */
  kin: string;
  /** Of the patch as it is. */
  patchSha: string;
};

/**
 * The classes that a patch belongs to (`readPatch` says which patches). Undefined for one that changes nothing.
 *
 * `shape` is the set of a patch's edits: what differs in a line before and after, with all its bytes; blocks of lines
 * without a counterpart, less the indentation that all of them have; and files that were added or deleted, or are binary
 * or a link, or changed their mode, by name, mode and contents. Where the edits are, in which order, how often, and in
 * which text, does not matter, with two exceptions. An edit that names nothing, such as a blank, takes in the nearest word
 * of its line. And where one edit takes away what another one brings, as a move or a swap does, the changed lines of
 * both files count in their order.
 *
 * Time grows with the patch. Lines of more than 10,000 characters count whole, as does what differs by more than 200 tokens.
 * Files count whole, each by its name and all its changed lines in their order, if the patch has more than 16 MiB or takes
 * more than 100 million steps to compare; then `kin` has the files' names only.
 */
export function shapesOf(patch: Uint8Array): Shapes | undefined {
  const files = readPatch(toLatin1(patch));
  if (files.length === 0) return undefined;
  const { exact, folded } = entriesOf(files, patch.length);
  return { shape: classOf(exact), kin: classOf(folded), patchSha: sha256(patch) };
}

type Entries = { exact: Set<string>; folded: Set<string> };

function entriesOf(files: readonly PatchFile[], bytes: number): Entries {
  if (bytes > MAX_PATCH_BYTES) return wholeEntries(files);
  try {
    return lookedInto(files, new Effort(MAX_EFFORT));
  } catch (error) {
    if (error instanceof TooMuchEffort) return wholeEntries(files);
    throw error;
  }
}

/** The text that an edit removes, and the text that it puts there. */
type Edit = { before: string; after: string };

function lookedInto(files: readonly PatchFile[], effort: Effort): Entries {
  const exact = new Set<string>();
  const folded = new Set<string>();
  const editsOf = new Map<PatchFile, Map<string, Edit>>();
  for (const file of files) {
    for (const entry of fileEntries(file)) exact.add(JSON.stringify(entry));
    for (const entry of kinOfFile(file)) folded.add(JSON.stringify(entry));
    if (!hasLines(file)) continue;
    const edits = new Map<string, Edit>();
    editsOf.set(file, edits);
    for (const run of file.runs) {
      const units = unitsOf(run, effort);
      for (const unit of units)
        for (const edit of 'line' in unit ? editsOfLine(unit.line, effort) : [editOfBlock(unit.block)])
          edits.set(JSON.stringify([edit.before, edit.after]), edit);
      for (const entry of kinOfRun(run, units, effort)) folded.add(JSON.stringify(entry.map(brief)));
    }
  }
  const inOrder = filesWithMoves(editsOf);
  for (const [file, edits] of editsOf) {
    if (inOrder.has(file)) exact.add(wholeEntry(file));
    else
      for (const { before, after } of edits.values())
        exact.add(JSON.stringify(['edit', brief(before), brief(after)]));
  }
  return { exact, folded };
}

/** A file's text before and after; the contents of any other count whole. */
function hasLines({ isAdded, isDeleted, isBinary, oldMode, mode }: PatchFile): boolean {
  const isText = [oldMode, mode].every((side) => side === undefined || side.startsWith('100'));
  return isText && !isAdded && !isDeleted && !isBinary;
}

/** The entries for everything about a file but the edits of its text: added, deleted, binary, mode, link. */
function fileEntries(file: PatchFile): unknown[][] {
  const { name, isAdded, isDeleted, isBinary, oldMode = '', mode = '', oldId, id } = file;
  if (isBinary) return [['binary', name, oldMode, mode, oldId, id]];
  const contents = hasLines(file)
    ? []
    : file.runs.map(({ removed, added }) => [whole(removed), whole(added)]);
  if (isAdded) return [['added', name, mode, contents]];
  if (isDeleted) return [['deleted', name, oldMode, contents]];
  if (!hasLines(file)) return [['other', name, oldMode, mode, contents]];
  return oldMode === mode ? [] : [['mode', name, oldMode, mode]];
}

function editsOfLine([before, after]: [string, string], effort: Effort): Edit[] {
  if (before.length > MAX_LINE || after.length > MAX_LINE) return [{ before, after }];
  const [a, b] = [tokenize(before), tokenize(after)];
  return withNames(differences(a, b, effort), a, b).map(({ a0, a1, b0, b1 }) => ({
    before: a.slice(a0, a1).join(''),
    after: b.slice(b0, b1).join(''),
  }));
}

function editOfBlock({ removed, added }: Run): Edit {
  const indentation = commonIndentation([...removed, ...added]);
  const dedent = (lines: readonly string[]) =>
    lines.map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line)).join('');
  return { before: dedent(removed), after: dedent(added) };
}

function commonIndentation(lines: readonly string[]): string {
  let common: string | undefined;
  for (const line of lines) {
    const indentation = /^[ \t]*/.exec(line)![0];
    if (/^\r?\n?$/.test(line.slice(indentation.length))) continue;
    if (common === undefined) common = indentation;
    let length = 0;
    while (length < common.length && common[length] === indentation[length]) length++;
    common = common.slice(0, length);
  }
  return common ?? '';
}

/** Files with an edit that takes away what an edit of the patch brings, and those with that one. */
function filesWithMoves(editsOf: ReadonlyMap<PatchFile, ReadonlyMap<string, Edit>>): Set<PatchFile> {
  const all = [...editsOf.values()].flatMap((edits) => [...edits.values()]);
  const brought = new Set(all.map(({ after }) => after));
  const moved = new Set(all.map(({ before }) => before).filter((text) => text !== '' && brought.has(text)));
  if (moved.size === 0) return new Set();
  const isMove = ({ before, after }: Edit) => moved.has(before) || moved.has(after);
  return new Set([...editsOf].filter(([, edits]) => [...edits.values()].some(isMove)).map(([file]) => file));
}

function wholeEntries(files: readonly PatchFile[]): Entries {
  return {
    exact: new Set(
      files.flatMap((file) => [
        ...fileEntries(file).map((entry) => JSON.stringify(entry)),
        ...(hasLines(file) ? [wholeEntry(file)] : []),
      ]),
    ),
    folded: new Set(files.map(({ name }) => JSON.stringify(['whole', name]))),
  };
}

/** All changed lines in their order. Their digest is of JSON, in which no line can pass for two. */
function wholeEntry({ name, runs }: PatchFile): string {
  return JSON.stringify(['whole', name, runs.map(({ removed, added }) => [whole(removed), whole(added)])]);
}

function whole(lines: readonly string[]): unknown {
  return brief(lines.join(''));
}

/** A text, or its length and digest: no text is equal to these. */
function brief(text: string): unknown {
  return text.length > MAX_TEXT ? [text.length, sha256(text)] : text;
}

/** 128 bits: two patches of one class cannot be made by trying. */
function classOf(entries: ReadonlySet<string>): string {
  return `${VERSION}:${sha256(JSON.stringify([...entries].sort())).slice(0, 32)}`;
}
