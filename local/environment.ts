import { pathToFileURL } from 'node:url';
import { isAllowed } from '../core/allowed-repositories.ts';
import {
  commandSecretVariables,
  parseSettings,
  SETTING_NAMES,
  type Settings,
  type Variables,
} from '../core/settings.ts';
import { ACCESS_KEY_ID } from './access/aws-signature.ts';
import { OFFLINE_MODEL } from './model/offline.ts';

export const REGION = 'us-east-1';
export const ACCOUNT_ID = '000000000000';
export const TABLE_PREFIX = 'cody-batch-local';
export const JOB_QUEUE = 'cody-batch-local-job-queue';
export const JOB_DEFINITION = 'cody-batch-local-job-definition';
export const STATE_MACHINE = 'cody-batch-local-job';
export const STATE_MACHINE_ARN = `arn:aws:states:${REGION}:${ACCOUNT_ID}:stateMachine:${STATE_MACHINE}`;

/** Where the local AWS listens; `http://127.0.0.1:PORT` each. */
export type Endpoints = { dynamodb: string; states: string; batch: string };

/** What the official AWS CLI and SDKs need to work on the local AWS. */
export function awsVariables({ dynamodb, states, batch }: Endpoints, secret: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_ENDPOINT_URL_SFN: states,
    AWS_ENDPOINT_URL_BATCH: batch,
    AWS_REGION: REGION,
    // The AWS CLI 1 and boto3 read this one.
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: secret,
  };
}

export type EnvironmentOptions = {
  endpoints: Endpoints;
  /** What the local services ask for. */
  secret: string;
  artifactsFolder: string;
  temporaryFolder: string;
  /** Settings that the user gave: environment and `.env`. */
  given: Variables;
  /** The local GitHub's API; GitHub itself where it is absent. */
  gitHubApiUrl?: string;
  /** Whether the local GitHub has tokens or apps of its own; else the secret is the token of its one user. */
  gitHubHasCredentials?: boolean;
  /** The offline model's address; Claude where it is absent. */
  offlineModelUrl?: string;
};

/** The environment of the functions and of the workers: what the user set, and where the local services are. */
export function stackEnvironment(options: EnvironmentOptions): Record<string, string> {
  const { given, gitHubApiUrl, offlineModelUrl } = options;
  const names = [...SETTING_NAMES, ...commandSecretVariables(given)];
  // A token of GitHub's own says nothing to the local one, and is not shown to it.
  const isToken = (name: string) => /^GITHUB_(?:WRITE_)?TOKEN(?:_SECRET_ID)?$/.test(name);
  const bySecret = gitHubApiUrl !== undefined && !options.gitHubHasCredentials;
  const kept = names.flatMap((name) =>
    given[name] && !(bySecret && isToken(name)) ? [[name, given[name]] as const] : [],
  );
  return {
    // Fresher than AWS's defaults, since no one pays for a count here.
    COUNTS_MAX_AGE_SECONDS: '0.5',
    ...Object.fromEntries(kept),
    ...awsVariables(options.endpoints, options.secret),
    AWS_SESSION_TOKEN: options.secret,
    // The services let in this user alone.
    AUTHORIZATION: 'none',
    DYNAMODB_TABLE_PREFIX: given.DYNAMODB_TABLE_PREFIX ?? TABLE_PREFIX,
    ARTIFACTS_URL: pathToFileURL(options.artifactsFolder).href,
    STATE_MACHINE_ARN,
    JOB_QUEUE,
    JOB_DEFINITION,
    TEMP_DIR: options.temporaryFolder,
    // The local GitHub has no limit to keep to.
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
      // It costs nothing, so that there is nothing to cap.
      ALLOWED_MODELS: '',
      ALLOW_UNPRICED_MODELS: 'true',
    }),
  };
}

/** What the stack itself decides; whoever sets one of them means another DynamoDB, another bucket. */
export const DECIDED_BY_STACK: readonly string[] = [
  ...['DYNAMODB_ENDPOINT', 'DYNAMODB_REGION', 'ARTIFACTS_URL', 'STATE_MACHINE_ARN', 'JOB_QUEUE'],
  ...['AUTHORIZATION', 'WORKER_CREDENTIALS_FUNCTION'],
];

/** The names of the two tables. */
export function tablesOf(given: Variables): Pick<Settings, 'jobsTable' | 'repositoriesTable'> {
  const { DYNAMODB_TABLE_PREFIX = TABLE_PREFIX, DYNAMODB_JOBS_TABLE, DYNAMODB_REPOSITORIES_TABLE } = given;
  const names = { DYNAMODB_TABLE_PREFIX, DYNAMODB_JOBS_TABLE, DYNAMODB_REPOSITORIES_TABLE };
  const { jobsTable, repositoriesTable } = parseSettings(names);
  return { jobsTable, repositoriesTable };
}

/** Work trees are registered as `local/…`: all of them are meant, unless the user's own patterns speak of that owner. */
function allowedLocally(given = ''): string {
  const entries = given
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  const areMeant = isAllowed(
    entries.map((entry) => entry.replace('!', '')),
    'local/*',
  );
  return (areMeant ? entries : ['local/*', ...entries]).join(',');
}

/**
 * Makes `environment` the one that the functions of this process see. What of AWS's, Claude's and GitHub's variables
 * the shell had is gone, so that no profile or key of the user's is picked up by an SDK.
 */
export function applyEnvironment(environment: Record<string, string>): void {
  for (const name of Object.keys(process.env)) {
    if (/^(?:AWS|CLAUDE|ANTHROPIC|GITHUB|DYNAMODB)_/.test(name)) delete process.env[name];
  }
  Object.assign(process.env, environment);
}
