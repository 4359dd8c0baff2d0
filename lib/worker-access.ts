import { Aws } from 'aws-cdk-lib';
import { modelIdAt } from '../core/models.ts';
import { arnByName, type Resources } from './access.ts';
import type { Grant } from './grant.ts';
import type { Secret } from './secrets.ts';

export interface WorkerAccess {
  readonly resources: Pick<Resources, 'jobsTable' | 'repositoriesTable' | 'artifacts' | 'secretArns'>;
  /** Names of COMMAND_SECRETS. */
  readonly commandSecrets: readonly string[];
  /** Models of Amazon Bedrock that it may call; none where Claude's own API is used. */
  readonly bedrockModels: readonly string[];
}

/** What the worker reads into memory. It has nothing that writes to GitHub. */
const WORKER_SECRETS: readonly Secret[] = ['CLAUDE_API_KEY', 'GITHUB_TOKEN'];

/** The settings that name them, and those that jobs may ask for. */
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
  'Keys of artifacts are made when a job is; which job and repository a worker has, the policy of its session says.';

/** Below `jobs/{jobId}/repositories/{owner}/{name}/`: what a worker reads again, and what it writes. */
const READ = ['outcome.json', 'checkpoint/*'];
const WRITTEN = [...READ, 'change-set.json', 'diff.patch', 'log.txt', 'thread.json'];

/**
 * What a worker writes of its job's control item: the bill, the reason to stop, who asked for the model, and who writes the shared prefix to the
 * model's cache first. test/e2e/whole-job.moto.test.ts runs a job under exactly these.
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
 * The worker handles what is untrusted, so the role of its session is held to single attributes and single artifacts:
 * progress on a repository's row, the bill on a job's control item, never a status; and it can list nothing. Which job and
 * which repository, the session's own policy says (lambdas/worker-session-policy.ts): it has what both allow.
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
      resources: [artifacts.arnForObjects('jobs/*/request.json'), ...ofRepositories(READ)],
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

/** Updates items under one leading key, and of them only these attributes. */
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
 * The inference profile that a model is called by, and the model itself where the profile sends a call to. The global
 * profile also has the model without a region:
 * https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
 */
function bedrockArns(model: string): string[] {
  const id = modelIdAt('bedrock', model);
  // Which model a profile of one's own stands for is not in its ARN.
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
