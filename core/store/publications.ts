import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { ConflictError } from '../errors.ts';
import type { RunId } from '../execution.ts';
import type { Settings } from '../settings.ts';
import { updateWhere } from './conditional-write.ts';
import { controlKey } from './tables.ts';

/** A request for pull requests that came while a run was under way, which opens them at its end. */
const Publication = z.object({
  run: z.int(),
  /** The key of the artifact that says what was asked for. */
  request: z.string(),
  key: z.string().optional(),
  fingerprint: z.string(),
  at: z.string(),
  /** The run has taken it. Absent before. */
  taken: z.literal(true).optional(),
});
export type Publication = z.infer<typeof Publication>;

const Publications = z.object({
  publications: z.array(Publication).catch([]).default([]),
  publicationsVersion: z.int().default(0),
  publishTakenInRun: z.int().optional(),
});
type Read = z.infer<typeof Publications>;

/** Keeps the control item far below DynamoDB's limit of 400 KB. */
const MAX_PUBLICATIONS = 100;
const DAY_MS = 86_400_000;
const MAX_TRIES = 20;

/** The publications that wait on a job's control item. Every write is a compare-and-set of their version. */
export class PublicationTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
  }

  /** The publication with this Idempotency-Key, if it came in the last day. */
  async find(jobId: string, key: string, at: string): Promise<Publication | undefined> {
    return ofLastDay(await this.#read(jobId), at).find((publication) => publication.key === key);
  }

  /**
   * Adds a publication to a run. Returns the one with the same key, if there is one. Returns undefined if the run has taken
   * its publications, or the job has no control item. Throws ConflictError if too many wait.
   */
  async add(jobId: string, publication: Publication): Promise<Publication | undefined> {
    const { run, key, at } = publication;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const read = await this.#read(jobId);
      const kept = ofLastDay(read, at);
      const before =
        key === undefined ? undefined : kept.find((one) => one.key === key && (one.taken || one.run === run));
      if (before) return before;
      if ((read.publishTakenInRun ?? 0) >= run) return undefined;
      if (kept.length >= MAX_PUBLICATIONS) {
        throw new ConflictError(
          `${kept.length} requests for pull requests of the job ${jobId} came in the last day. Wait for the end of its run, then send one for all.`,
        );
      }
      if (await this.#replace(jobId, read, { publications: [...kept, publication] })) return publication;
      if (!(await this.#exists(jobId))) return undefined;
    }
    throw new ConflictError(
      `Too many requests for pull requests of the job ${jobId} came at once. Send it again.`,
    );
  }

  /** The publications of one run. */
  async ofRun({ jobId, run }: RunId): Promise<Publication[]> {
    return (await this.#read(jobId)).publications.filter((one) => one.run === run);
  }

  /** Takes the publications of a run; it gets no more after that. Safe to call again: the same ones are returned. */
  async take({ jobId, run }: RunId): Promise<Publication[]> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const read = await this.#read(jobId);
      const publications = read.publications.map((one) =>
        one.run === run ? { ...one, taken: true as const } : one,
      );
      const isTaken = (read.publishTakenInRun ?? 0) >= run;
      if (isTaken || (await this.#replace(jobId, read, { publications, publishTakenInRun: run })))
        return publications.filter((one) => one.run === run);
      // The control item of a deleted job is gone.
      if (!(await this.#exists(jobId))) return [];
    }
    throw new Error(
      `The publications of ${jobId} changed ${MAX_TRIES} times while they were taken. This step is retried.`,
    );
  }

  async #read(jobId: string): Promise<Read> {
    return Publications.parse((await this.#item(jobId)) ?? {});
  }

  async #exists(jobId: string): Promise<boolean> {
    return (await this.#item(jobId)) !== undefined;
  }

  async #item(jobId: string): Promise<Record<string, unknown> | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId: controlKey(jobId) }, ConsistentRead: true }),
    );
    return Item;
  }

  #replace(
    jobId: string,
    { publicationsVersion: version }: Read,
    set: Partial<Pick<Read, 'publications' | 'publishTakenInRun'>>,
  ): Promise<boolean> {
    return updateWhere(
      this.#client,
      { TableName: this.#table, Key: { jobId: controlKey(jobId) } },
      {
        set: { ...set, publicationsVersion: version + 1 },
        condition: `attribute_exists(jobId) AND ${version === 0 ? 'attribute_not_exists(publicationsVersion)' : 'publicationsVersion = :version'}`,
        values: version === 0 ? {} : { ':version': version },
      },
    );
  }
}

function ofLastDay({ publications }: Read, at: string): Publication[] {
  return publications.filter((one) => Date.parse(one.at) > Date.parse(at) - DAY_MS);
}
