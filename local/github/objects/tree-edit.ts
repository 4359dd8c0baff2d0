import type { BareRepository } from './bare-repository.ts';
import { readObject, writeObject } from './objects.ts';

export type TreeFile = { mode: string; sha: string };

/** A folder's mode in a tree object, which lacks the leading zero that git displays. */
const FOLDER = '40000';

/** git sorts by bytes, and a folder as if its name ended in a slash. */
const orderOf = (name: string, { mode }: TreeFile): string => (mode === FOLDER ? `${name}/` : name);

/**
 * Each entry is `mode name\0` and the 20 bytes of the SHA. Names are latin1, one character per byte, to
 * keep all bytes.
 */
export function parseTree(content: Buffer): Map<string, TreeFile> {
  const entries = new Map<string, TreeFile>();
  for (let start = 0; start < content.length; ) {
    const space = content.indexOf(' ', start);
    const end = content.indexOf(0, space);
    const mode = content.toString('latin1', start, space);
    const name = content.toString('latin1', space + 1, end);
    entries.set(name, { mode, sha: content.toString('hex', end + 1, end + 21) });
    start = end + 21;
  }
  return entries;
}

function formatTree(entries: ReadonlyMap<string, TreeFile>): Buffer {
  const ordered = [...entries].sort((one, other) => (orderOf(...one) < orderOf(...other) ? -1 : 1));
  return Buffer.concat(
    ordered.flatMap(([name, { mode, sha }]) => [
      Buffer.from(`${mode} ${name}\0`, 'latin1'),
      Buffer.from(sha, 'hex'),
    ]),
  );
}

/** Edits a tree. Reads a folder when a path leads into it, and writes only those folders. */
export class TreeEdit {
  readonly #repository: BareRepository;
  readonly #entries: Map<string, TreeFile>;
  readonly #folders = new Map<string, TreeEdit>();

  private constructor(repository: BareRepository, entries: Map<string, TreeFile>) {
    this.#repository = repository;
    this.#entries = entries;
  }

  /** Starts from the tree `sha`, or from an empty tree. */
  static async from(repository: BareRepository, sha?: string): Promise<TreeEdit> {
    const content = sha && (await readObject(repository, sha))?.content;
    return new TreeEdit(repository, content ? parseTree(content) : new Map());
  }

  /** Replaces the entry at the path, and a file in the place of a folder on the way. */
  async set(path: readonly string[], file: TreeFile): Promise<void> {
    const [name = '', ...rest] = path;
    if (rest.length > 0) return (await this.#folder(name)).set(rest, file);
    this.#folders.delete(name);
    this.#entries.set(name, { mode: file.mode.replace(/^0/, ''), sha: file.sha });
  }

  /** Returns false if there is no entry at the path. */
  async delete(path: readonly string[]): Promise<boolean> {
    const [name = '', ...rest] = path;
    if (!this.#entries.has(name) && !this.#folders.has(name)) return false;
    if (rest.length > 0) {
      const isFolder = this.#folders.has(name) || this.#entries.get(name)?.mode === FOLDER;
      return isFolder && (await this.#folder(name)).delete(rest);
    }
    this.#folders.delete(name);
    return this.#entries.delete(name);
  }

  /** Returns the tree's SHA and its direct entries. Leaves out folders that became empty, as git does. */
  async write(): Promise<{ sha: string; entries: ReadonlyMap<string, TreeFile> }> {
    for (const [name, folder] of this.#folders) {
      const { sha, entries } = await folder.write();
      if (entries.size > 0) this.#entries.set(name, { mode: FOLDER, sha });
      else this.#entries.delete(name);
    }
    const content = formatTree(this.#entries);
    const sha = await writeObject(this.#repository, { type: 'tree', content });
    return { sha, entries: parseTree(content) };
  }

  async #folder(name: string): Promise<TreeEdit> {
    const known = this.#folders.get(name);
    if (known) return known;
    const entry = this.#entries.get(name);
    const folder = await TreeEdit.from(this.#repository, entry?.mode === FOLDER ? entry.sha : undefined);
    this.#folders.set(name, folder);
    // A placeholder until `write` has the folder's SHA.
    this.#entries.set(name, { mode: FOLDER, sha: '' });
    return folder;
  }
}
