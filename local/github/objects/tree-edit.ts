import type { BareRepository } from './bare-repository.ts';
import { readObject, writeObject } from './objects.ts';

export type TreeFile = { mode: string; sha: string };

/** As git writes it into a tree: a folder's mode without the zero that everyone shows. */
const FOLDER = '40000';

/** git's order: by bytes, a folder as though its name ended in a slash. */
const orderOf = (name: string, { mode }: TreeFile): string => (mode === FOLDER ? `${name}/` : name);

/** `mode name\0` and the 20 bytes of the SHA, for each; one character a byte of a name, so that none is lost. */
function parseTree(content: Buffer): Map<string, TreeFile> {
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

/** A tree being changed. Folders are read when a path leads into them, and only those are written again. */
export class TreeEdit {
  readonly #repository: BareRepository;
  readonly #entries: Map<string, TreeFile>;
  readonly #folders = new Map<string, TreeEdit>();

  private constructor(repository: BareRepository, entries: Map<string, TreeFile>) {
    this.#repository = repository;
    this.#entries = entries;
  }

  /** From nothing where `sha` is absent; it must name a tree. */
  static async from(repository: BareRepository, sha?: string): Promise<TreeEdit> {
    const content = sha && (await readObject(repository, sha))?.content;
    return new TreeEdit(repository, content ? parseTree(content) : new Map());
  }

  /** Replaces what is at the path, and a file that was where a folder has to be. */
  async set(path: readonly string[], file: TreeFile): Promise<void> {
    const [name = '', ...rest] = path;
    if (rest.length > 0) return (await this.#folder(name)).set(rest, file);
    this.#folders.delete(name);
    this.#entries.set(name, { mode: file.mode.replace(/^0/, ''), sha: file.sha });
  }

  /** False where nothing is at the path. */
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

  /** Gives the tree's SHA and its own entries. A folder that nothing is left in is left out, as git does. */
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
    // Its own entry is made when it is written; until then its place is taken.
    this.#entries.set(name, { mode: FOLDER, sha: '' });
    return folder;
  }
}
