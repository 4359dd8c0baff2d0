import { tmpdir } from 'node:os';
import { z } from 'zod';
import { AllowedPattern } from './allowed-repositories.ts';
import { CommandSecretName } from './command-secrets.ts';
import { SettingsError } from './errors.ts';
import { Effort, type JobSettings } from './job.ts';
import { type Bounded, boundsOf, type JobBounds } from './job-bounds.ts';
import { isPriced, modelIdAt, OwnPrices } from './models.ts';
import { NoticeKind } from './notice.ts';
import { RepositoryGroups } from './repository-access.ts';
import { readCommandSecret, SECRET_VARIABLES, type SecretName, Secrets, type Variables } from './secrets.ts';
import { address, count, flag, json, list, person, positive, seconds, whole } from './setting-shapes.ts';
import type { CredentialProvider, CredentialSource } from './worker-credentials.ts';
import { ImageName, JobDefinitions } from './worker-image.ts';

const AWS = {
  AWS_REGION: z.string().default('us-east-1'),
  DYNAMODB_REGION: z.string().optional(),
  DYNAMODB_ENDPOINT: address.optional(),
  DYNAMODB_TABLE_PREFIX: z.string().default('cody-batch-dev'),
  DYNAMODB_JOBS_TABLE: z.string().optional(),
  DYNAMODB_REPOSITORIES_TABLE: z.string().optional(),
  /** Days until a row's `expiresAt`. */
  RESULT_DAYS: count(90, 3650),
  /** `s3://bucket` or `file:///folder`. */
  ARTIFACTS_URL: z.url().optional(),
  /** On one machine: signs the URLs of artifacts. S3 signs with the function's credentials. */
  ARTIFACTS_SIGNING_KEY: z.string().min(16).optional(),
  STATE_MACHINE_ARN: z.string().optional(),
  JOB_QUEUE: z.string().optional(),
  /** CloudWatch's namespace of the metrics that functions and workers write into their logs. If it is absent, they write none. */
  METRICS_NAMESPACE: z.string().min(1).max(255).optional(),
  /** The job definition of each worker image: JSON, `{"default": "arn:…"}`. Deployments set it. */
  JOB_DEFINITIONS: json(JobDefinitions).default({}),
};

const API = {
  /** Callers are verified by API Gateway's JWT authorizer, or not at all, which is for the local stack only. */
  AUTHORIZATION: z.enum(['jwt', 'none']).default('jwt'),
  /** The claim that has a person's roles. Roles of other issuers than Cognito have names such as `cody-batch/viewer`. */
  ROLES_CLAIM: z.string().min(1).default('cognito:groups'),
  /**
   * Which repositories the callers of each group may touch: JSON, `{"GROUP": ["owner/service-*"]}`. Groups have the names
   * that ROLES_CLAIM has, and scopes that of a machine's token. Empty: every caller may touch all.
   */
  REPOSITORY_GROUPS: json(RepositoryGroups).default({}),
  /** The API's public address, for links in pull requests. @default - links are paths */
  PUBLIC_URL: address.optional(),
  /** A reader counts again if the counts on a job's row are older than this. */
  COUNTS_MAX_AGE_SECONDS: z.coerce.number().min(0).default(5),
  /** The secrets that POST /admin/credentials may write, by name: JSON, `{"GITHUB_TOKEN": "arn:…"}`. Deployments set it. */
  ROTATED_SECRETS: json(z.record(z.string(), z.string())).default({}),
  /** POST and DELETE requests that one caller may send in a minute. */
  WRITES_PER_MINUTE: count(60),
};

const NOTICES = {
  /** The webhook that gets the notices of all jobs. @default - none */
  NOTICE_URL: address.optional(),
  /** The kinds that NOTICE_URL and the topic get, separated by commas. Empty means all. */
  NOTICE_KINDS: list.pipe(z.array(NoticeKind)),
  /** Whether a job may name a webhook of its own (`notify`). */
  JOB_NOTICES: flag(false),
  /** The SNS topic that gets the notices of all jobs. */
  NOTICE_TOPIC_ARN: z.string().optional(),
  /** The queue of notices that no try could deliver. */
  NOTICE_DEAD_LETTERS_URL: z.string().optional(),
  /** Whether a webhook may be on this machine, by http: for the local stack only. */
  NOTICE_LOOPBACK: flag(false),
};

const GITHUB = {
  GITHUB_API_URL: address.default('https://api.github.com'),
  /** Patterns separated by commas; the last that matches decides: `owner/*,!owner/secret`. Empty allows nothing. */
  ALLOWED_REPOSITORIES: list.pipe(z.array(AllowedPattern)),
  /** Pull requests an hour for one credential: GitHub allows about 500 content creations. */
  PULL_REQUESTS_PER_HOUR: count(400, 1_000_000),
  /** A GitHub App that opens pull requests in place of a token; its key is GITHUB_APP_PRIVATE_KEY. */
  GITHUB_APP_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/, "expected the App's id")
    .optional(),
  /** Whether writes are a second apart, as GitHub advises. */
  GITHUB_THROTTLE: flag(true),
  /** Globs of files that no change may touch unless its job allows it, in addition to workflows and CODEOWNERS. */
  PROTECTED_FILES: list.pipe(z.array(z.string().max(256))),
  /** Author of commits. @default - the credential's owner, so that GitHub signs them */
  COMMIT_AUTHOR: person.optional(),
  /** @default - the author */
  COMMIT_COMMITTER: person.optional(),
  /** Whether commits have a Signed-off-by line (DCO) unless the job sets it; needs COMMIT_AUTHOR. */
  SIGN_OFF: flag(false),
  /** Seconds to retry a failing git server before the repository fails. */
  GIT_PATIENCE_SECONDS: seconds(300),
};

const CLAUDE = {
  CLAUDE_PROVIDER: z.enum(['anthropic', 'bedrock']).default('anthropic'),
  ANTHROPIC_BASE_URL: address.optional(),
  ANTHROPIC_BEDROCK_BASE_URL: address.optional(),
  CLAUDE_MODEL: z.string().min(1).default('claude-sonnet-5-5'),
  /** The models that a job may use, separated by commas. Empty allows any. */
  ALLOWED_MODELS: list,
  /**
   * Prices in USD per million tokens that differ from the Claude API's, such as those of Bedrock or a gateway: JSON,
   * `{"MODEL": {"input": 3, "output": 15, "cacheWrite": 3.75, "cacheRead": 0.3}}`. The caps on cost use them.
   */
  MODEL_PRICES: json(OwnPrices).default({}),
  /** Whether a job may use a model whose price is not known, so that no cap on cost can be enforced. */
  ALLOW_UNPRICED_MODELS: flag(false),
  CLAUDE_MAX_TOKENS: z.coerce.number().int().min(1024).max(128_000).default(64_000),
  CLAUDE_EFFORT: Effort.optional(),
  /** Seconds without a complete answer before a worker leaves its slot and the state machine waits instead. */
  CLAUDE_PATIENCE_SECONDS: seconds(120),
  /**
   * Seconds without a byte after which a call has timed out. The Anthropic API sends pings; Bedrock does not, and is
   * silent while a model thinks. Node.js times out at 300.
   */
  CLAUDE_IDLE_SECONDS: seconds(240, 300),
  CLAUDE_TEMPERATURE: z
    .undefined('current models refuse a temperature; remove it and set CLAUDE_EFFORT (low … max) instead')
    .optional(),
};

const JOBS = {
  /** The most repositories of one job. */
  MAX_REPOSITORIES: count(100),
  /** Defaults of a job. */
  DEFAULT_CONCURRENCY: whole(10_000).optional(),
  DEFAULT_JOB_COST_USD: positive(1_000_000).optional(),
  DEFAULT_TURNS: whole(1000).optional(),
  DEFAULT_REPOSITORY_COST_USD: positive(10_000).optional(),
  DEFAULT_MINUTES: positive(1440).optional(),
  /** Ceilings of a job. */
  MAX_CONCURRENCY: whole(10_000).optional(),
  MAX_JOB_COST_USD: positive(1_000_000).optional(),
  MAX_TURNS: whole(1000).optional(),
  MAX_REPOSITORY_COST_USD: positive(10_000).optional(),
  MAX_MINUTES: positive(1440).optional(),
  MAX_PATCH_KIB: count(1024, 16_384),
  MAX_FILES: count(100),
  /** The images that a job may name in `settings.image`. The first is that of jobs that name none. Deployments set it. */
  WORKER_IMAGES: list.pipe(z.array(ImageName)),
};

const WORKER = {
  TEMP_DIR: z.string().default(() => tmpdir()),
  /**
   * On one machine, which has no images: folders that come first on the PATH of a worker, by the name of an image: JSON,
   * `{"jdk": "/opt/jdk-21/bin"}`.
   */
  LOCAL_IMAGES: json(z.record(ImageName, z.string())).default({}),
  /** `uid:gid` of the user who runs a job's commands. @default - the worker's user */
  COMMAND_USER: z
    .string()
    .regex(/^[1-9]\d*:[1-9]\d*$/, 'expected uid:gid in numbers, none of them 0, such as 10002:10002')
    .optional(),
  /**
   * Secrets that a job may name in `settings.commandSecrets` for its setup commands. Each is read from Secrets Manager if
   * `{name}_SECRET_ID` is set, else from the variable of that name.
   */
  COMMAND_SECRETS: list.pipe(
    z
      .array(
        CommandSecretName.refine(
          (name) => !SETTING_NAMES.includes(name),
          'this is the name of a setting; give the secret another',
        ),
      )
      .max(50),
  ),
  /** The function that gives a worker credentials for its repository. @default - the worker uses its role */
  WORKER_CREDENTIALS_FUNCTION: z.string().optional(),
  /** Proves to that function which worker asks. The state machine gives it to the Batch job; it is a secret. */
  WORKER_TOKEN: z.string().optional(),
  /** The role that WORKER_CREDENTIALS_FUNCTION assumes. */
  WORKER_SESSION_ROLE_ARN: z.string().optional(),

  AWS_BATCH_JOB_ID: z.string().optional(),
  AWS_BATCH_JOB_ATTEMPT: z.coerce.number().int().min(1).default(1),
  /** The work of a worker that has neither arguments nor the parameters of a Batch job. */
  JOB_ID: z.string().optional(),
  REPOSITORY_NAME: z.string().optional(),
};

/** All settings of the environment. Nothing else that is deployed reads `process.env`. */
const Environment = z.object({ ...AWS, ...API, ...NOTICES, ...GITHUB, ...CLAUDE, ...JOBS, ...WORKER });

export type Settings = Omit<
  z.infer<typeof Environment>,
  | 'DYNAMODB_TABLE_PREFIX'
  | 'DYNAMODB_JOBS_TABLE'
  | 'DYNAMODB_REPOSITORIES_TABLE'
  | 'CLAUDE_TEMPERATURE'
  | `DEFAULT_${Bounded}`
  | `MAX_${Bounded}`
> &
  JobBounds & {
    /** DYNAMODB_JOBS_TABLE, or else the prefix and `-jobs`. */
    jobsTable: string;
    repositoriesTable: string;
    /**
     * The secret, trimmed. Returns undefined if it is not configured. Kept for 5 minutes, so that a long-lived process
     * gets a rotated one.
     */
    secret(name: SecretName): Promise<string | undefined>;
    /**
     * A secret for `setup`. Throws SettingsError if COMMAND_SECRETS does not allow it, or its value is missing or cannot
     * be redacted.
     */
    commandSecret(name: string): Promise<string>;
    /** For the AWS clients of this process. @default - the credentials that the SDK finds */
    credentials?: CredentialProvider;
    /** Reads all secrets anew, after a service refused one. */
    forgetSecrets(): void;
    /** The secret's name in Secrets Manager, for a process that may not read it. Undefined if it is not there. */
    secretId(name: SecretName): string | undefined;
  };

/** The names of all settings, secrets included. */
export const SETTING_NAMES: readonly string[] = [
  ...Object.keys(Environment.shape),
  ...SECRET_VARIABLES.flatMap((name) => [name, `${name}_SECRET_ID`]),
];

/** The variables of the secrets in COMMAND_SECRETS. */
export function commandSecretVariables({ COMMAND_SECRETS = '' }: Variables): string[] {
  return list.parse(COMMAND_SECRETS).flatMap((name) => [name, `${name}_SECRET_ID`]);
}

function refuseDefaultModel({ ALLOWED_MODELS, CLAUDE_MODEL }: z.infer<typeof Environment>): void {
  if (ALLOWED_MODELS.length === 0 || ALLOWED_MODELS.includes(CLAUDE_MODEL)) return;
  throw new SettingsError(
    `CLAUDE_MODEL is ${CLAUDE_MODEL}, which is not among ALLOWED_MODELS (${ALLOWED_MODELS.join(', ')}). Add it there, or set CLAUDE_MODEL to one of them.`,
  );
}

/** Whether the price of a model is known, so that caps on cost can be enforced. */
export function isModelPriced(
  model: string,
  { CLAUDE_PROVIDER, MODEL_PRICES }: Pick<Settings, 'CLAUDE_PROVIDER' | 'MODEL_PRICES'>,
): boolean {
  return isPriced(modelIdAt(CLAUDE_PROVIDER, model), MODEL_PRICES);
}

/**
 * Parses an environment; throws SettingsError. An empty variable counts as absent, as in shells and `.env` files. `now` is
 * the clock, in milliseconds, by which secrets expire. `source` has the credentials of AWS clients, which by default are
 * the ones that the SDK finds.
 */
export function parseSettings(
  variables: Variables,
  now: () => number = Date.now,
  source?: CredentialSource,
): Settings {
  const present = Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = Environment.safeParse(present);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      const fault = issue.message
        .replace(/^(?:Invalid input|Invalid option|Too small|Too big): /, '')
        .replace(/, received \w+$/, '');
      // The length and not the value, which may be a secret.
      return `${name} (${present[name]?.length ?? 0} characters): ${fault}`;
    });
    throw new SettingsError(
      `The environment has invalid settings. ${faults.join('; ')}. Correct or remove them.`,
    );
  }
  const {
    DYNAMODB_TABLE_PREFIX,
    DYNAMODB_JOBS_TABLE,
    DYNAMODB_REPOSITORIES_TABLE,
    CLAUDE_TEMPERATURE,
    ...rest
  } = parsed.data;
  refuseDefaultModel(parsed.data);
  const secrets = new Secrets(present, now, source?.forWork);
  return {
    ...rest,
    ...boundsOf(parsed.data),
    jobsTable: DYNAMODB_JOBS_TABLE ?? `${DYNAMODB_TABLE_PREFIX}-jobs`,
    repositoriesTable: DYNAMODB_REPOSITORIES_TABLE ?? `${DYNAMODB_TABLE_PREFIX}-repositories`,
    ...(source && { credentials: source.forWork }),
    secret: (name) => secrets.get(name),
    forgetSecrets: () => secrets.forget(),
    secretId: (name) => secrets.idOf(name),
    commandSecret: (name) =>
      readCommandSecret(name, rest.COMMAND_SECRETS, present, source?.forCommandSecret(name)),
  };
}

let current: Settings | undefined;

/** The settings of this process. */
export function settings(): Settings {
  current ??= parseSettings(process.env);
  return current;
}

/** The settings of a process whose AWS clients use the credentials of `source`. */
export function settingsWith(source: CredentialSource): Settings {
  return parseSettings(process.env, Date.now, source);
}

/** Set by Lambda for functions, and by the state machine for workers. */
export const TRACE_VARIABLE = '_X_AMZN_TRACE_ID';
const TRACE_ID = /\bRoot=([\w-]+)/;

/**
 * The X-Ray trace of this invocation or worker; undefined if it is not traced. Read at each call, because Lambda sets the
 * variable anew for each invocation.
 */
export function traceId(): string | undefined {
  return TRACE_ID.exec(process.env[TRACE_VARIABLE] ?? '')?.[1];
}

/** An optional setting that this part of the product needs. Throws SettingsError if it is not set. */
export function required<K extends keyof Settings>(all: Settings, name: K): NonNullable<Settings[K]> {
  const value = all[name];
  if (value === undefined || value === null)
    throw new SettingsError(`${name} is not set, and this part of Cody Batch needs it. Set it.`);
  return value as NonNullable<Settings[K]>;
}

/** The settings of a job whose request sets none. */
export function defaultJobSettings(all: Settings): JobSettings {
  return {
    model: all.CLAUDE_MODEL,
    ...(all.CLAUDE_EFFORT && { effort: all.CLAUDE_EFFORT }),
    // Written out, so that later runs keep the image when the environment's first changes.
    ...(all.WORKER_IMAGES[0] && { image: all.WORKER_IMAGES[0] }),
    maxTurns: all.DEFAULT_TURNS,
    maxCostUsd: all.DEFAULT_REPOSITORY_COST_USD,
    maxMinutes: all.DEFAULT_MINUTES,
    setup: [],
    verify: [],
    include: [],
    exclude: [],
    shell: false,
    maxPatchKiB: all.MAX_PATCH_KIB,
    maxFiles: all.MAX_FILES,
    allowProtected: [],
  };
}
