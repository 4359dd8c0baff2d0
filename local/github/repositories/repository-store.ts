import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonFile } from '../json-file.ts';
import { Serial } from '../serial.ts';
import { Repository } from './repository.ts';
import { type RepositoryRecord, repositoryRecord } from './repository-record.ts';

const byName = (one: Repository, other: Repository): number =>
  one.fullName.toLowerCase() < other.fullName.toLowerCase() ? -1 : 1;

/** The repositories of the data folder. As on github.com, names are compared without regard to case. */
export class RepositoryStore {
  readonly #dataFolder: string;
  readonly #repositories = new Map<string, Repository>();
  readonly #creations = new Serial();

  private constructor(dataFolder: string) {
    this.#dataFolder = dataFolder;
  }

  static async open(dataFolder: string): Promise<RepositoryStore> {
    const store = new RepositoryStore(dataFolder);
    await mkdir(dataFolder, { recursive: true });
    for (const owner of await readdir(dataFolder, { withFileTypes: true })) {
      if (!owner.isDirectory()) continue;
      const folder = join(dataFolder, owner.name);
      const records = (await readdir(folder)).filter((file) => file.endsWith('.json'));
      for (const file of records) {
        const record = await readJsonFile(join(folder, file), repositoryRecord);
        if (record) store.#add(new Repository(folder, record));
      }
    }
    return store;
  }

  find(owner: string, name: string): Repository | undefined {
    return this.#repositories.get(`${owner}/${name}`.toLowerCase());
  }

  findById(id: number): Repository | undefined {
    return this.#unsorted().find(({ record }) => record.id === id);
  }

  /** The repository that had this name before, unless another one has it now. */
  findRenamed(owner: string, name: string): Repository | undefined {
    if (this.find(owner, name)) return undefined;
    const former = name.toLowerCase();
    return this.#unsorted().find(
      ({ record }) =>
        record.owner.toLowerCase() === owner.toLowerCase() &&
        record.formerNames.some((other) => other.toLowerCase() === former),
    );
  }

  /** Sorted by full name. */
  all(): Repository[] {
    return this.#unsorted().sort(byName);
  }

  ofOwner(owner: string): Repository[] {
    const name = owner.toLowerCase();
    return this.#unsorted()
      .filter(({ record }) => record.owner.toLowerCase() === name)
      .sort(byName);
  }

  /** The owner's name with its own case. Returns undefined if they own no repository. */
  findOwner(owner: string): string | undefined {
    const name = owner.toLowerCase();
    return this.#unsorted().find(({ record }) => record.owner.toLowerCase() === name)?.record.owner;
  }

  /** Returns undefined if the name is taken. Names become paths, so the caller must have checked them. */
  create(
    owner: string,
    name: string,
    about: Pick<RepositoryRecord, 'description' | 'private'>,
  ): Promise<Repository | undefined> {
    return this.#creations.run(async () => {
      if (this.find(owner, name)) return undefined;
      const ownerName = this.findOwner(owner) ?? owner;
      const now = new Date().toISOString();
      const id = 1 + Math.max(0, ...this.#unsorted().map(({ record }) => record.id));
      const record = repositoryRecord.parse({
        id,
        owner: ownerName,
        name,
        // A renamed repository may still use the files of this name. No name contains a tilde, so this
        // one is free.
        ...(this.#isFileOfAnother(owner, name) && { fileName: `${name}~${id}` }),
        ...about,
        createdAt: now,
        updatedAt: now,
        pushedAt: null,
      });
      const repository = new Repository(join(this.#dataFolder, ownerName), record);
      await repository.create();
      this.#add(repository);
      return repository;
    });
  }

  /** Returns false if the name is taken. The caller must have checked the name. */
  rename(repository: Repository, name: string): Promise<boolean> {
    return this.#creations.run(async () => {
      const { owner, name: former, formerNames } = repository.record;
      const holder = this.find(owner, name);
      if (holder && holder !== repository) return false;
      const kept = [...formerNames, former].filter((other) => other.toLowerCase() !== name.toLowerCase());
      this.#repositories.delete(repository.fullName.toLowerCase());
      await repository.rename(name, [...new Set(kept)]);
      this.#add(repository);
      return true;
    });
  }

  remove(repository: Repository): Promise<void> {
    return this.#creations.run(async () => {
      this.#repositories.delete(repository.fullName.toLowerCase());
      await repository.remove();
    });
  }

  #isFileOfAnother(owner: string, name: string): boolean {
    const [ownerName, fileName] = [owner.toLowerCase(), name.toLowerCase()];
    return this.#unsorted().some(
      ({ record }) => record.fileName?.toLowerCase() === fileName && record.owner.toLowerCase() === ownerName,
    );
  }

  #unsorted(): Repository[] {
    return [...this.#repositories.values()];
  }

  #add(repository: Repository): void {
    this.#repositories.set(repository.fullName.toLowerCase(), repository);
  }
}
