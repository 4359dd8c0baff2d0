import { Aws } from 'aws-cdk-lib';
import { modelIdAt } from '../core/models.ts';
import { arnByName, type Resources } from './access.ts';
import type { Grant } from './grant.ts';
import type { Secret } from './secret-names.ts';

export interface WorkerAccess {
  readonly resources: Pick<Resources, 'jobsTable' | 'repositoriesTable' | 'artifacts' | 'secretArns'>;
  /** Names of COMMAND_SECRETS. */
  readonly commandSecrets: readonly string[];
  /** Models of Amazon Bedrock that it may call; empty if Claude's own API is used. */
  readonly bedrockModels: readonly string[];
}

/** The secrets of the worker; none of them can write to GitHub. */
const WORKER_SECRETS: readonly Secret[] = ['CLAUDE_API_KEY', 'GITHUB_TOKEN'];

/** The settings with the ARNs of these secrets and of those that jobs may request. */
export function workerSecretIds(
  arns: Partial<Record<string, string>>,
  commandSecrets: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    [...WORKER_SECRETS, ...commandSecrets].flatMap((name) => {
      const arn = arns[name];
      return arn ? [[`${name}_SECRET_ID`, arn]] : [];
    }),
  );
}

const KEYS =
  "Artifacts get their keys when a job is created; the policy of a worker's session limits them to one job and repository.";

/** Artifacts below `jobs/{jobId}/repositories/{owner}/{name}/` that a worker reads, and that it writes. */
const WRITTEN_AND_READ = ['outcome.json', 'checkpoint/*', 'diff.patch', 'thread.json'];
const READ = [...WRITTEN_AND_READ, 'findings.json'];
const WRITTEN = [...WRITTEN_AND_READ, 'change-set.json', 'log.txt'];

/**
 * Attributes that a worker may write on its job's control item: cost, the reason to stop, and the claims of the model check
 * and of the shared prefix. test/e2e/whole-job.moto.test.ts runs a job with exactly these grants.
 */
const CONTROL_ATTRIBUTES = [
  'reservedUsd',
  'spentUsd',
  'stoppedBy',
  'stoppedBecause',
  'run',
  'modelCheckedInRun',
  'prefixClaimedBy',
  'prefixClaimedUntil',
  'prefixWarmInRun',
];
const PROGRESS_ATTRIBUTES = ['repositoryName', 'phase', 'waiting', 'turns', 'updatedAt'];

/**
 * The grants of a worker's session. The worker handles untrusted code, so they are limited to single attributes (progress on
 * a repository's row, cost on a job's control item, never a status) and single artifacts, without listing. The session's own
 * policy also limits them to one job and repository (lambdas/worker/worker-session-policy.ts).
 */
export function workerGrants({ resources, bedrockModels, commandSecrets }: WorkerAccess): Grant[] {
  const { jobsTable, repositoriesTable, artifacts, secretArns } = resources;
  const ofRepositories = (names: readonly string[]) =>
    names.map((name) => artifacts.arnForObjects(`jobs/*/repositories/*/${name}`));
  return [
    {
      actions: ['dynamodb:GetItem'],
      resources: [jobsTable.tableArn],
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['job-*'] } },
    },
    updateOf(jobsTable.tableArn, 'job-*#control', CONTROL_ATTRIBUTES),
    updateOf(repositoriesTable.tableArn, 'job-*', PROGRESS_ATTRIBUTES),
    {
      actions: ['s3:GetObject'],
      resources: [artifacts.arnForObjects('jobs/*/requests/*'), ...ofRepositories(READ)],
      why: KEYS,
    },
    // Without s3:ListBucket: of a missing object S3 says 403 to it, which the worker takes as missing (core/store/bucket-artifacts.ts).
    { actions: ['s3:PutObject'], resources: ofRepositories(WRITTEN), why: KEYS },
    {
      actions: ['secretsmanager:GetSecretValue'],
      resources: Object.values(workerSecretIds(secretArns, commandSecrets)),
    },
    {
      actions: ['bedrock:InvokeModelWithResponseStream'],
      resources: bedrockModels.flatMap(bedrockArns),
      why: 'An inference profile sends a call to the same model in a region of its choice.',
    },
  ];
}

/** Updates of these attributes only, of items with this leading key. */
function updateOf(tableArn: string, leadingKey: string, attributes: readonly string[]): Grant {
  return {
    actions: ['dynamodb:UpdateItem'],
    resources: [tableArn],
    conditions: {
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [leadingKey] },
      'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['jobId', ...attributes] },
      // ALL_OLD and ALL_NEW would show the other attributes.
      StringEqualsIfExists: { 'dynamodb:ReturnValues': ['NONE', 'UPDATED_OLD', 'UPDATED_NEW'] },
    },
  };
}

/**
 * The inference profile of a model, and the model in the regions that the profile sends calls to. The global profile also
 * needs the model without a region:
 * https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
 */
function bedrockArns(model: string): string[] {
  const id = modelIdAt('bedrock', model);
  // The ARN of an application inference profile does not name its model.
  const name = id.startsWith('arn:') ? 'anthropic.*' : id.slice(id.indexOf('anthropic.'));
  const models = `arn:${Aws.PARTITION}:bedrock:*::foundation-model/${name}`;
  if (id === name) return [models];
  if (id.startsWith('arn:')) return [id, models];
  return [
    arnByName('bedrock', `inference-profile/${id}`),
    models,
    ...(id.startsWith('global.') ? [`arn:${Aws.PARTITION}:bedrock:::foundation-model/${name}`] : []),
  ];
}
