import { parsePatch, type StructuredPatch } from 'diff';

export type PatchFile = {
  name: string;
  /** The name before a rename or a copy. */
  oldName?: string;
  kind: 'added' | 'deleted' | 'renamed' | 'copied' | 'modified';
  oldMode?: string;
  newMode?: string;
  isBinary: boolean;
  additions: number;
  deletions: number;
  /** Whether every line ends in CRLF; the CR is then left out of the lines. */
  isCrlf: boolean;
  hunks: StructuredPatch['hunks'];
  /** The section as it is, if it could not be read. */
  lines?: string[];
};

const SECTION = 'diff --git ';

/** The files of a git patch. Each section is read on its own, so that a damaged one hides no other. */
export function filesOf(patch: string): PatchFile[] {
  return sectionsOf(patch).map(fileOf);
}

/** In a git patch only the head of a section starts with these words: lines of files start with a sign. */
function sectionsOf(patch: string): string[] {
  const sections: string[] = [];
  let from = 0;
  while (from < patch.length) {
    const next = patch.indexOf(`\n${SECTION}`, from);
    sections.push(patch.slice(from, next < 0 ? undefined : next + 1));
    from = next < 0 ? patch.length : next + 1;
  }
  return sections;
}

function fileOf(section: string): PatchFile {
  // The text of a binary file follows, which has nothing to read.
  const binary = /^(?:GIT binary patch|Binary files .*)$/m.exec(headOf(section));
  try {
    const [parsed, ...others] = parsePatch(binary ? section.slice(0, binary.index) : section);
    if (!parsed?.isGit || others.length > 0) throw new Error('The section is not of one file.');
    return readFile(parsed, section, binary !== null);
  } catch {
    const lines = section.replace(/\n$/, '').split('\n');
    const name = exactName(section) ?? lines[0] ?? '';
    return {
      name,
      kind: 'modified',
      isBinary: false,
      additions: 0,
      deletions: 0,
      isCrlf: false,
      hunks: [],
      lines,
    };
  }
}

function headOf(section: string): string {
  const end = section.indexOf('\n@@ ');
  return end < 0 ? section : section.slice(0, end);
}

function readFile(parsed: StructuredPatch, section: string, isBinary: boolean): PatchFile {
  const {
    oldFileName = '',
    newFileName = '',
    isRename,
    isCopy,
    isCreate,
    isDelete,
    oldMode,
    newMode,
  } = parsed;
  const isMoved = Boolean(isRename || isCopy);
  const before = withoutPrefix(oldFileName);
  const name =
    (isMoved ? undefined : exactName(section)) ?? withoutPrefix(isDelete ? oldFileName : newFileName);
  const lines = parsed.hunks.flatMap((hunk) => hunk.lines.filter((line) => line[0] !== '\\'));
  const isCrlf = lines.length > 0 && lines.every((line) => line.endsWith('\r'));
  return {
    name,
    ...(isMoved && { oldName: before }),
    kind: isRename ? 'renamed' : isCopy ? 'copied' : isCreate ? 'added' : isDelete ? 'deleted' : 'modified',
    ...(oldMode && { oldMode }),
    ...(newMode && { newMode }),
    isBinary,
    additions: lines.filter((line) => line[0] === '+').length,
    deletions: lines.filter((line) => line[0] === '-').length,
    isCrlf,
    hunks: parsed.hunks,
  };
}

function withoutPrefix(name: string): string {
  return name.replace(/^[ab]\//, '');
}

/** The name by the first line, `a/NAME b/NAME`: the parser drops blanks at its end. Undefined if git quotes it. */
function exactName(section: string): string | undefined {
  const sides = section.slice(SECTION.length, section.indexOf('\n'));
  const half = (sides.length - 1) / 2;
  const name = sides.slice(2, half);
  return sides.startsWith('a/') && sides.slice(half) === ` b/${name}` ? name : undefined;
}
