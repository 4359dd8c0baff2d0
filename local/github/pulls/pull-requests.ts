import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LOCAL_USER } from '../accounts/accounts.ts';
import { readJsonFile, writeJsonFile } from '../json-file.ts';
import type { BareRepository } from '../objects/bare-repository.ts';
import { isAncestor } from '../objects/history.ts';
import { readRefFile, writeRefFile } from '../objects/ref-files.ts';
import { Serial } from '../serial.ts';

const tip = z.object({ ref: z.string(), sha: z.string() });

/** `head.sha` and `base.sha` follow their branches until the pull request is closed. */
const pullRecord = z.object({
  number: z.number().int().positive(),
  author: z.string().default(LOCAL_USER),
  title: z.string(),
  body: z.string().nullable(),
  state: z.enum(['open', 'closed']),
  draft: z.boolean(),
  head: tip,
  base: tip,
  labels: z.array(z.string()),
  comments: z.array(z.object({ author: z.string(), body: z.string(), createdAt: z.string() })).default([]),
  reviews: z
    .array(
      z.object({
        id: z.number().int(),
        author: z.string(),
        state: z.enum(['APPROVED', 'CHANGES_REQUESTED', 'COMMENTED']),
        body: z.string(),
        commitSha: z.string(),
        submittedAt: z.string(),
        comments: z.array(
          z.object({ path: z.string(), line: z.number().int().nullable(), body: z.string() }),
        ),
      }),
    )
    .default([]),
  reviewers: z.array(z.string()),
  teamReviewers: z.array(z.string()),
  /** Set while it waits for its checks, and then merges by itself. */
  autoMerge: z
    .object({ method: z.enum(['merge', 'squash', 'rebase']), by: z.string() })
    .nullable()
    .default(null),
  mergeCommitSha: z.string().nullable(),
  mergedAt: z.string().nullable(),
  mergedBy: z.string().nullable().default(null),
  closedAt: z.string().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});

export type PullRecord = z.infer<typeof pullRecord>;

export type NewPull = Pick<PullRecord, 'author' | 'title' | 'body' | 'draft' | 'head' | 'base'>;

/** The pull requests of a repository, one file each. Files are read once; numbers are consecutive. */
export class PullRequests {
  readonly #repository: BareRepository;
  readonly #folder: string;
  readonly #serial = new Serial();
  #loaded: Promise<Map<number, PullRecord>> | undefined;
  #refsChanged = true;

  constructor(repository: BareRepository, folder: string) {
    this.#repository = repository;
    this.#folder = folder;
  }

  /** Oldest first. */
  list(): Promise<PullRecord[]> {
    return this.#serial.run(async () => [...(await this.#current()).values()]);
  }

  find(number: number): Promise<PullRecord | undefined> {
    return this.#serial.run(async () => (await this.#current()).get(number));
  }

  /** Returns undefined if an open pull request already has this head and base. */
  create(pull: NewPull): Promise<PullRecord | undefined> {
    return this.#serial.run(async () => {
      const pulls = await this.#current();
      for (const { state, head, base } of pulls.values()) {
        if (state === 'open' && head.ref === pull.head.ref && base.ref === pull.base.ref) return undefined;
      }
      const now = new Date().toISOString();
      // The branch may have moved since the caller read it.
      this.#refsChanged = true;
      return this.#save(pulls, {
        number: 1 + Math.max(0, ...pulls.keys()),
        ...pull,
        state: 'open',
        labels: [],
        comments: [],
        reviews: [],
        reviewers: [],
        teamReviewers: [],
        autoMerge: null,
        mergeCommitSha: null,
        mergedAt: null,
        mergedBy: null,
        closedAt: null,
        createdAt: now,
        updatedAt: now,
      });
    });
  }

  /** Applies `change` to the pull request; no other change runs at the same time. */
  change(
    number: number,
    change: (pull: PullRecord) => Promise<Partial<PullRecord>>,
  ): Promise<PullRecord | undefined> {
    return this.#serial.run(async () => {
      const pulls = await this.#current();
      const pull = pulls.get(number);
      if (!pull) return undefined;
      return this.#save(pulls, { ...pull, ...(await change(pull)), updatedAt: new Date().toISOString() });
    });
  }

  /**
   * Must be called after every change of a branch. Open pull requests follow their branches at the next
   * read.
   */
  refsChanged(): void {
    this.#refsChanged = true;
  }

  async #current(): Promise<Map<number, PullRecord>> {
    this.#loaded ??= this.#load();
    const pulls = await this.#loaded;
    if (!this.#refsChanged) return pulls;
    this.#refsChanged = false;
    try {
      for (const pull of pulls.values()) {
        const change = pull.state === 'open' ? await this.#changeByPush(pull) : undefined;
        if (change) await this.#save(pulls, { ...pull, ...change, updatedAt: new Date().toISOString() });
      }
    } catch (error) {
      this.#refsChanged = true;
      throw error;
    }
    return pulls;
  }

  #tip({ ref }: PullRecord['head']): Promise<string | undefined> {
    return readRefFile(this.#repository.gitFolder, `refs/heads/${ref}`);
  }

  /**
   * As on github.com: deleting a branch closes the pull request, a base that now contains the head merges
   * it.
   */
  async #changeByPush(pull: PullRecord): Promise<Partial<PullRecord> | undefined> {
    const head = await this.#tip(pull.head);
    const base = await this.#tip(pull.base);
    if (head === pull.head.sha && base === pull.base.sha) return undefined;
    const now = new Date().toISOString();
    if (!head || !base) return { state: 'closed', closedAt: now };
    const moved = { ...pull.head, sha: head };
    const contained =
      base !== pull.base.sha &&
      (await isAncestor(this.#repository, head, base)) &&
      !(await isAncestor(this.#repository, head, pull.base.sha));
    return contained
      ? { head: moved, state: 'closed', closedAt: now, mergedAt: now, mergeCommitSha: base }
      : { head: moved, base: { ...pull.base, sha: base } };
  }

  /** `refs/pull/N/head` can be fetched, and keeps the commits after the branch is deleted. */
  async #save(pulls: Map<number, PullRecord>, pull: PullRecord): Promise<PullRecord> {
    if (pulls.get(pull.number)?.head.sha !== pull.head.sha) {
      await writeRefFile(this.#repository.gitFolder, `refs/pull/${pull.number}/head`, pull.head.sha);
    }
    await writeJsonFile(join(this.#folder, `${pull.number}.json`), pull);
    pulls.set(pull.number, pull);
    return pull;
  }

  async #load(): Promise<Map<number, PullRecord>> {
    const files = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const numbers = files
      .filter((file) => file.endsWith('.json'))
      .map((file) => Number.parseInt(file, 10))
      .sort((one, other) => one - other);
    const pulls = new Map<number, PullRecord>();
    for (const number of numbers) {
      const pull = await readJsonFile(join(this.#folder, `${number}.json`), pullRecord);
      if (pull) pulls.set(number, pull);
    }
    return pulls;
  }
}
