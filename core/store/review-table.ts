import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { z } from 'zod';
import { inParallel } from '../in-parallel.ts';
import {
  Decisions,
  digestOfChanges,
  inOrder,
  Review,
  type Reviewable,
  type ReviewedChange,
  ReviewedList,
} from '../review.ts';
import type { Settings } from '../settings.ts';
import { artifactKeys } from './artifact-keys.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { findArtifact, writeArtifact } from './artifacts.ts';
import { PARALLEL } from './repository-table.ts';
import { expiry, REVIEW_KEY_PREFIX, reviewKey } from './tables.ts';

/** Lists that a process keeps: a list of 4,000 changes has 400 KB, and never changes. */
const MAX_KEPT_LISTS = 32;

/**
 * The reviews of a job: one item of the repositories table for each decided shape or repository. The changes that a review
 * of a shape covers are an artifact, named by its digest.
 */
export class ReviewTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #setAside: (reason: string) => void;
  readonly #lists = new Map<string, z.infer<typeof ReviewedList>>();

  /** `setAside` gets the reason if the list of a review cannot be read. */
  constructor(
    client: DynamoDBDocumentClient,
    settings: Pick<Settings, 'repositoriesTable'>,
    setAside: (reason: string) => void = () => {},
  ) {
    this.#setAside = setAside;
    this.#client = client;
    this.#table = settings.repositoriesTable;
  }

  /** Stores a decision in one write, in place of an earlier one of the same shape or repository. */
  async put(jobId: string, review: Review, expiresAt: string | undefined): Promise<void> {
    const { repositoryName: reviewedRepository, ...rest } = review;
    await this.#client.send(
      new PutCommand({
        TableName: this.#table,
        Item: {
          ...rest,
          reviewedRepository,
          jobId,
          repositoryName: reviewKey(review),
          ...(expiresAt && { expiresAt: expiry(expiresAt, 0) }),
        },
      }),
    );
  }

  /** All decisions of a job. One that cannot be read is left out, so that its changes are undecided. */
  async list(jobId: string): Promise<Review[]> {
    const items = await this.#items(jobId, Number.POSITIVE_INFINITY);
    return items.flatMap((item) => readReview(item) ?? []);
  }

  /** A page of the decisions of a job, by their keys. `after` is the key of the last one before it; `next` is absent at the end. */
  async page(
    jobId: string,
    { limit, after }: { limit: number; after: string | undefined },
  ): Promise<{ reviews: Review[]; next?: string }> {
    const items = await this.#items(
      jobId,
      limit + 1,
      after === undefined ? undefined : { jobId, repositoryName: after },
    );
    const page = items.slice(0, limit);
    return {
      reviews: page.flatMap((item) => readReview(item) ?? []),
      ...(items.length > limit && { next: String(page.at(-1)!.repositoryName) }),
    };
  }

  /** At most `count` items of decisions, from behind a key. */
  async #items(
    jobId: string,
    count: number,
    from?: Record<string, unknown>,
  ): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = [];
    let behind = from;
    do {
      const { Items = [], LastEvaluatedKey } = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: 'jobId = :jobId AND begins_with(repositoryName, :review)',
          ExpressionAttributeValues: { ':jobId': jobId, ':review': REVIEW_KEY_PREFIX },
          ConsistentRead: true,
          ...(Number.isFinite(count) && { Limit: count - items.length }),
          ...(behind && { ExclusiveStartKey: behind }),
        }),
      );
      items.push(...Items);
      behind = LastEvaluatedKey;
    } while (behind && items.length < count);
    return items;
  }

  /** The repositories whose changes a review of a shape covers; none if its list is lost. */
  async covered(jobId: string, { seen }: Review, artifacts: ArtifactStore): Promise<string[]> {
    const list = (await this.#listOf(jobId, seen, artifacts)) ?? [];
    return list.map(([repositoryName]) => repositoryName);
  }

  /** The decision about each change of a job. */
  async decisions(jobId: string, artifacts: ArtifactStore): Promise<Decisions> {
    return this.#decisionsOf(jobId, await this.list(jobId), artifacts);
  }

  async #decisionsOf(
    jobId: string,
    reviews: readonly Review[],
    artifacts: ArtifactStore,
  ): Promise<Decisions> {
    const ofShapes = reviews.filter(({ shape, decision }) => shape !== undefined && decision !== 'undecided');
    const lists = new Map<string, z.infer<typeof ReviewedList>>();
    await inParallel([...new Set(ofShapes.map(({ seen }) => seen))], PARALLEL, async (seen) => {
      const list = await this.#listOf(jobId, seen, artifacts);
      if (list) lists.set(seen, list);
    });
    return new Decisions(reviews, lists);
  }

  /** The review that covers the change of one repository, if any: two reads, and the list of its shape. */
  async reviewOf(jobId: string, change: Reviewable, artifacts: ArtifactStore): Promise<Review | undefined> {
    const { repositoryName, shape } = change;
    const found = await Promise.all([
      this.#find(jobId, { repositoryName }),
      shape === undefined ? undefined : this.#find(jobId, { shape }),
    ]);
    return (
      await this.#decisionsOf(
        jobId,
        found.filter((review) => review !== undefined),
        artifacts,
      )
    ).reviewOf(change);
  }

  async #find(jobId: string, of: Parameters<typeof reviewKey>[0]): Promise<Review | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({
        TableName: this.#table,
        Key: { jobId, repositoryName: reviewKey(of) },
        ConsistentRead: true,
      }),
    );
    return Item && readReview(Item);
  }

  /** Returns undefined if the list is missing or damaged. */
  async #listOf(
    jobId: string,
    seen: string,
    artifacts: ArtifactStore,
  ): Promise<z.infer<typeof ReviewedList> | undefined> {
    const key = artifactKeys.reviewedList(jobId, seen);
    const list = this.#lists.get(key) ?? (await findArtifact(artifacts, key, ReviewedList, this.#setAside));
    if (!list) return undefined;
    this.#lists.delete(key);
    this.#lists.set(key, list);
    const [oldest] = this.#lists.keys();
    if (this.#lists.size > MAX_KEPT_LISTS && oldest !== undefined) this.#lists.delete(oldest);
    return list;
  }
}

/** Returns undefined if it cannot be read, so that its changes are undecided. */
function readReview({
  repositoryName: _,
  reviewedRepository,
  ...rest
}: Record<string, unknown>): Review | undefined {
  return Review.safeParse({ ...rest, repositoryName: reviewedRepository }).data;
}

/** Writes the changes that a review of a shape covers. Returns their digest, which is part of the artifact's key. */
export async function writeReviewedList(
  jobId: string,
  changes: readonly ReviewedChange[],
  artifacts: ArtifactStore,
): Promise<string> {
  const seen = digestOfChanges(changes);
  const list = inOrder(changes).map(({ repositoryName, patchSha }) => [repositoryName, patchSha]);
  await writeArtifact(artifacts, artifactKeys.reviewedList(jobId, seen), list);
  return seen;
}
