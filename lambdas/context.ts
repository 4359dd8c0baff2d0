import { required, type Settings, settings } from '../core/settings.ts';
import type { ArtifactStore } from '../core/store/artifact-store.ts';
import { openArtifacts } from '../core/store/artifacts.ts';
import { AuditLog } from '../core/store/audit-log.ts';
import { DrainState } from '../core/store/drain-state.ts';
import { IdempotencyKeys } from '../core/store/idempotency-keys.ts';
import { JobControl } from '../core/store/job-control.ts';
import { JobTable } from '../core/store/job-table.ts';
import { Listings } from '../core/store/listings.ts';
import { Outbox } from '../core/store/outbox.ts';
import { PublicationTable } from '../core/store/publications.ts';
import { PullRequestHistory } from '../core/store/pull-request-history.ts';
import { RateSlots } from '../core/store/rate-slots.ts';
import { RepositoryIndex } from '../core/store/repository-index.ts';
import { RepositoryTable } from '../core/store/repository-table.ts';
import { ReviewTable } from '../core/store/review-table.ts';
import { openDynamoDB } from '../core/store/tables.ts';
import { WriteLimits } from '../core/store/write-limits.ts';
import { setAside } from './logger.ts';

/** The settings and stores of every function. */
export type Context = {
  settings: Settings;
  jobs: JobTable;
  control: JobControl;
  rateSlots: RateSlots;
  idempotencyKeys: IdempotencyKeys;
  writeLimits: WriteLimits;
  listings: Listings;
  repositories: RepositoryTable;
  repositoryIndex: RepositoryIndex;
  reviews: ReviewTable;
  publications: PublicationTable;
  pullRequestHistory: PullRequestHistory;
  auditLog: AuditLog;
  drainState: DrainState;
  outbox: Outbox;
  artifacts: ArtifactStore;
  /** The current time, ISO 8601. */
  now(): string;
};

let opened: Context | undefined;

/** Opened by the first call and reused: Lambda keeps a process between invocations. */
export function context(): Context {
  opened ??= open(settings());
  return opened;
}

function open(all: Settings): Context {
  const client = openDynamoDB(all);
  return {
    settings: all,
    jobs: new JobTable(client, all),
    control: new JobControl(client, all),
    rateSlots: new RateSlots(client, all),
    idempotencyKeys: new IdempotencyKeys(client, all),
    writeLimits: new WriteLimits(client, all),
    listings: new Listings(client, all),
    repositories: new RepositoryTable(client, all),
    repositoryIndex: new RepositoryIndex(client, all),
    reviews: new ReviewTable(client, all, setAside),
    publications: new PublicationTable(client, all),
    pullRequestHistory: new PullRequestHistory(client, all),
    auditLog: new AuditLog(client, all),
    drainState: new DrainState(client, all),
    outbox: new Outbox(client, all),
    artifacts: openArtifacts(required(all, 'ARTIFACTS_URL'), { signingKey: all.ARTIFACTS_SIGNING_KEY }),
    now: () => new Date().toISOString(),
  };
}
