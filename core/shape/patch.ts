/** Lines that were removed and added at one place, with no unchanged line between them. Each keeps its line end. */
export type Run = { removed: string[]; added: string[] };

/** One section of a patch. Modes and object ids are absent where the patch does not name them. */
export type PatchFile = {
  /** The last part of the path, as the patch spells it. */
  name: string;
  isAdded: boolean;
  isDeleted: boolean;
  isBinary: boolean;
  oldMode?: string;
  mode?: string;
  oldId?: string;
  id?: string;
  runs: Run[];
};

const SECTION = 'diff --git ';

/**
 * The files of a patch that `git diff --full-index --no-renames --src-prefix=a/ --dst-prefix=b/` wrote, as `toLatin1` reads
 * it. Line numbers and unchanged lines are left out. The patch is untrusted: a hunk ends at the first line that cannot be
 * part of it.
 */
export function readPatch(patch: string): PatchFile[] {
  const files: PatchFile[] = [];
  const lines = new Lines(patch);
  let file: PatchFile | undefined;
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    if (line.startsWith(SECTION)) {
      file = {
        name: baseName(line.slice(SECTION.length)),
        isAdded: false,
        isDeleted: false,
        isBinary: false,
        runs: [],
      };
      files.push(file);
    } else if (!file) continue;
    else if (line.startsWith('@@ ')) readHunk(lines, line, file.runs);
    else readHeader(line, file);
  }
  return files;
}

function readHeader(line: string, file: PatchFile): void {
  const [, key, value = ''] =
    /^(old mode|new mode|new file mode|deleted file mode|index|GIT binary patch|Binary files)(?: (.*))?$/.exec(
      line,
    ) ?? [];
  if (key === 'old mode') file.oldMode = value;
  else if (key === 'new mode') file.mode = value;
  else if (key === 'new file mode') Object.assign(file, { isAdded: true, mode: value });
  else if (key === 'deleted file mode') Object.assign(file, { isDeleted: true, oldMode: value });
  else if (key === 'index') {
    const [ids = '', mode] = value.split(' ');
    const [oldId, id] = ids.split('..');
    Object.assign(file, { oldId, id, ...(mode && { oldMode: mode, mode }) });
  } else if (key) file.isBinary = true;
}

/** Reads as many lines as the hunk's head says, because a removed `-- a` looks like a head of the next file. */
function readHunk(lines: Lines, head: string, runs: Run[]): void {
  const counts = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(head);
  let before = Number(counts?.[1] ?? 1);
  let after = Number(counts?.[2] ?? 1);
  let run: Run | undefined;
  let last: string[] | undefined;
  for (;;) {
    const sign = lines.peek();
    if (sign === '\\') {
      lines.next();
      // The line before it has no line end.
      if (last) last.push(last.pop()!.slice(0, -1));
      last = undefined;
      continue;
    }
    if (before <= 0 && after <= 0) return;
    if (sign === '-' || sign === '+') {
      const line = `${lines.next()!.slice(1)}\n`;
      if (!run || (sign === '-' && run.added.length > 0)) {
        run = { removed: [], added: [] };
        runs.push(run);
      }
      last = sign === '-' ? run.removed : run.added;
      last.push(line);
      if (sign === '-') before--;
      else after--;
    } else if (sign === ' ' || sign === '\n') {
      lines.next();
      run = undefined;
      last = undefined;
      before--;
      after--;
    } else return;
  }
}

/** From `a/PATH b/PATH` or `"a/PATH" "b/PATH"`: both sides are one path, as there are no renames. */
function baseName(sides: string): string {
  const half = sides.slice(0, (sides.length - 1) / 2).replace(/^"(.*)"$/, '$1');
  return half.slice(half.lastIndexOf('/') + 1);
}

class Lines {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The first character of the next line. */
  peek(): string | undefined {
    return this.#text[this.#at];
  }

  next(): string | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const end = this.#text.indexOf('\n', this.#at);
    const line = this.#text.slice(this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 1;
    return line;
  }
}
