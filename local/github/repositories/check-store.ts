import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from '../json-file.ts';
import { Serial } from '../serial.ts';

const statusRecord = z.object({
  id: z.number().int(),
  state: z.enum(['error', 'failure', 'pending', 'success']),
  context: z.string(),
  description: z.string().nullable(),
  targetUrl: z.string().nullable(),
  creator: z.string(),
  createdAt: z.string(),
});

const checkRunRecord = z.object({
  id: z.number().int(),
  name: z.string(),
  appId: z.number().int().nullable(),
  status: z.enum(['queued', 'in_progress', 'completed', 'waiting', 'requested', 'pending']),
  conclusion: z.string().nullable(),
  detailsUrl: z.string().nullable(),
  externalId: z.string().nullable(),
  title: z.string().nullable(),
  summary: z.string().nullable(),
  text: z.string().nullable(),
  annotations: z
    .array(
      z.object({
        path: z.string(),
        startLine: z.number().int(),
        endLine: z.number().int(),
        level: z.enum(['notice', 'warning', 'failure']),
        message: z.string(),
        title: z.string().nullable(),
      }),
    )
    .default([]),
  startedAt: z.string().nullable(),
  completedAt: z.string().nullable(),
});

const checks = z.object({ statuses: z.array(statusRecord), checkRuns: z.array(checkRunRecord) });

export type StatusRecord = z.infer<typeof statusRecord>;
export type CheckRunRecord = z.infer<typeof checkRunRecord>;
export type Checks = z.infer<typeof checks>;

/** Statuses and check runs of a repository's commits, one file for each commit, newest first. */
export class CheckStore {
  readonly #folder: string;
  readonly #serial = new Serial();
  #lastId = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(sha: string): Promise<Checks> {
    return this.#serial.run(() => this.#read(sha));
  }

  /** `make` receives a unique id for the new entry. */
  add(sha: string, make: (id: number) => Partial<Checks>): Promise<void> {
    return this.#serial.run(async () => {
      const before = await this.#read(sha);
      this.#lastId = Math.max(this.#lastId + 1, Date.now());
      const { statuses = [], checkRuns = [] } = make(this.#lastId);
      const after = {
        statuses: [...statuses, ...before.statuses],
        checkRuns: [...checkRuns, ...before.checkRuns],
      };
      await writeJsonFile(join(this.#folder, `${sha}.json`), after);
    });
  }

  /** A check run of any commit. */
  find(isWanted: (run: CheckRunRecord) => boolean): Promise<CheckRunRecord | undefined> {
    return this.#serial.run(async () => {
      const files = await readdir(this.#folder).catch(() => []);
      for (const file of files) {
        const { checkRuns } = await this.#read(file.replace(/\.json$/, ''));
        const found = checkRuns.find(isWanted);
        if (found) return found;
      }
      return undefined;
    });
  }

  async #read(sha: string): Promise<Checks> {
    return (await readJsonFile(join(this.#folder, `${sha}.json`), checks)) ?? { statuses: [], checkRuns: [] };
  }
}
