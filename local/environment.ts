import { pathToFileURL } from 'node:url';
import { isAllowed } from '../core/allowed-repositories.ts';
import type { Variables } from '../core/secrets.ts';
import { commandSecretVariables, parseSettings, SETTING_NAMES, type Settings } from '../core/settings.ts';
import { DEFAULT_IMAGE } from '../core/worker-image.ts';
import { ACCESS_KEY_ID } from './access/access-key.ts';
import { OFFLINE_MODEL } from './model/offline-model.ts';

export const REGION = 'us-east-1';
export const ACCOUNT_ID = '000000000000';
export const TABLE_PREFIX = 'cody-batch-local';
export const JOB_QUEUE = 'cody-batch-local-job-queue';
export const JOB_DEFINITION = 'cody-batch-local-job-definition';
/** By the images of LOCAL_IMAGES; the default comes first. The names are those that lib/batch-compute.ts gives. */
export function jobDefinitionsOf(given: Variables): Record<string, string> {
  const { LOCAL_IMAGES } = parseSettings({ LOCAL_IMAGES: given.LOCAL_IMAGES });
  const images = Object.keys(LOCAL_IMAGES).filter((image) => image !== DEFAULT_IMAGE);
  const others = images.map((image) => [image, `${JOB_DEFINITION}-${image}`]);
  return { [DEFAULT_IMAGE]: JOB_DEFINITION, ...Object.fromEntries(others) };
}
export const STATE_MACHINE = 'cody-batch-local-job';
/** The name that lib/batch-compute.ts gives it in an environment called `local`. */
export const WORKER_LOG_GROUP = '/cody-batch/cody-batch-local/worker';
export const STATE_MACHINE_ARN = `arn:aws:states:${REGION}:${ACCOUNT_ID}:stateMachine:${STATE_MACHINE}`;

/** The endpoints of the local AWS, each `http://127.0.0.1:PORT`. */
export type Endpoints = { dynamodb: string; states: string; batch: string; logs: string };

/** The environment with which the official AWS CLI and SDKs work on the local AWS. */
export function awsVariables(
  { dynamodb, states, batch, logs }: Endpoints,
  secret: string,
): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_ENDPOINT_URL_SFN: states,
    AWS_ENDPOINT_URL_BATCH: batch,
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: logs,
    AWS_REGION: REGION,
    // For version 1 of the AWS CLI and for boto3.
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: secret,
  };
}

export type EnvironmentOptions = {
  endpoints: Endpoints;
  /** The secret that the local services need. */
  secret: string;
  artifactsFolder: string;
  temporaryFolder: string;
  /** The settings that the user gave in the environment and in `.env`. */
  given: Variables;
  /** The local GitHub's API. Absent if the stack works on GitHub. */
  gitHubApiUrl?: string;
  /** Whether the local GitHub has a list of tokens or apps. Otherwise the secret is the token of its only user. */
  gitHubHasCredentials?: boolean;
  /** The offline model's address. Absent if Claude does the work. */
  offlineModelUrl?: string;
};

/** The environment of functions and workers: the user's settings and the endpoints of the local services. */
export function stackEnvironment(options: EnvironmentOptions): Record<string, string> {
  const { given, gitHubApiUrl, offlineModelUrl } = options;
  const names = [...SETTING_NAMES, ...commandSecretVariables(given)];
  const jobDefinitions = jobDefinitionsOf(given);
  // The local GitHub does not know a token of github.com, and must not see it.
  const isToken = (name: string) => /^GITHUB_(?:WRITE_)?TOKEN(?:_SECRET_ID)?$/.test(name);
  const bySecret = gitHubApiUrl !== undefined && !options.gitHubHasCredentials;
  const kept = names.flatMap((name) =>
    given[name] && !(bySecret && isToken(name)) ? [[name, given[name]] as const] : [],
  );
  return {
    // Shorter than the default on AWS, because counting costs nothing here.
    COUNTS_MAX_AGE_SECONDS: '0.5',
    ...Object.fromEntries(kept),
    ...awsVariables(options.endpoints, options.secret),
    AWS_SESSION_TOKEN: options.secret,
    // The services admit only this user anyway.
    AUTHORIZATION: 'none',
    DYNAMODB_TABLE_PREFIX: given.DYNAMODB_TABLE_PREFIX ?? TABLE_PREFIX,
    ARTIFACTS_URL: pathToFileURL(options.artifactsFolder).href,
    ARTIFACTS_SIGNING_KEY: options.secret,
    STATE_MACHINE_ARN,
    JOB_QUEUE,
    METRICS_NAMESPACE: given.METRICS_NAMESPACE ?? 'CodyBatch/local',
    JOB_DEFINITIONS: JSON.stringify(jobDefinitions),
    WORKER_IMAGES: Object.keys(jobDefinitions).join(','),
    TEMP_DIR: options.temporaryFolder,
    // A receiver of notices may run beside the stack.
    NOTICE_LOOPBACK: 'true',
    // The local GitHub has no rate limits.
    ...(gitHubApiUrl && {
      GITHUB_API_URL: gitHubApiUrl,
      ...(bySecret && { GITHUB_TOKEN: options.secret }),
      ALLOWED_REPOSITORIES: allowedLocally(given.ALLOWED_REPOSITORIES),
      PULL_REQUESTS_PER_HOUR: given.PULL_REQUESTS_PER_HOUR ?? '1000000',
      GITHUB_THROTTLE: given.GITHUB_THROTTLE ?? 'false',
    }),
    ...(offlineModelUrl && {
      ANTHROPIC_BASE_URL: offlineModelUrl,
      CLAUDE_API_KEY: options.secret,
      CLAUDE_MODEL: OFFLINE_MODEL,
      // It costs nothing, so there is nothing to cap.
      ALLOWED_MODELS: '',
      ALLOW_UNPRICED_MODELS: 'true',
    }),
  };
}

/** Settings that the stack decides. A user who sets one of them means another DynamoDB or another bucket. */
export const DECIDED_BY_STACK: readonly string[] = [
  ...['DYNAMODB_ENDPOINT', 'DYNAMODB_REGION', 'ARTIFACTS_URL', 'STATE_MACHINE_ARN', 'JOB_QUEUE'],
  ...['JOB_DEFINITIONS', 'WORKER_IMAGES'],
  'ARTIFACTS_SIGNING_KEY',
  ...['ROTATED_SECRETS', 'NOTICE_TOPIC_ARN', 'NOTICE_DEAD_LETTERS_URL', 'NOTICE_LOOPBACK'],
  ...['AUTHORIZATION', 'WORKER_CREDENTIALS_FUNCTION'],
];

/** The names of the two tables. */
export function tablesOf(given: Variables): Pick<Settings, 'jobsTable' | 'repositoriesTable'> {
  const { DYNAMODB_TABLE_PREFIX = TABLE_PREFIX, DYNAMODB_JOBS_TABLE, DYNAMODB_REPOSITORIES_TABLE } = given;
  const names = { DYNAMODB_TABLE_PREFIX, DYNAMODB_JOBS_TABLE, DYNAMODB_REPOSITORIES_TABLE };
  const { jobsTable, repositoriesTable } = parseSettings(names);
  return { jobsTable, repositoriesTable };
}

/** Allows all work trees (`local/…`), unless a pattern of the user names that owner. */
function allowedLocally(given = ''): string {
  const entries = given
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  const namesOwner = isAllowed(
    entries.map((entry) => entry.replace('!', '')),
    'local/*',
  );
  return (namesOwner ? entries : ['local/*', ...entries]).join(',');
}

/**
 * Sets the environment of the functions in this process. Removes the AWS, Claude and GitHub variables of the shell, so that
 * no SDK uses a profile or key of the user.
 */
export function applyEnvironment(environment: Record<string, string>): void {
  for (const name of Object.keys(process.env)) {
    if (/^(?:AWS|CLAUDE|ANTHROPIC|GITHUB|DYNAMODB)_/.test(name)) delete process.env[name];
  }
  Object.assign(process.env, environment);
}
