import { tmpdir } from 'node:os';
import { z } from 'zod';
import { AllowedPattern } from './allowed-repositories.ts';
import { CommandSecretName, unusableSecret } from './command-secrets.ts';
import { SettingsError } from './errors.ts';
import { Effort, type JobSettings } from './job.ts';
import { isPriced, modelIdAt, OwnPrices } from './models.ts';
import type { CredentialProvider, CredentialSource } from './worker-credentials.ts';

/**
 * The settings of the environment, parsed once per process; nothing else reads `process.env`. A value that does not
 * fit names the variable, the shape of what was found (never the value: it may be a secret) and the fix.
 */
const count = (fallback: number, max = 10_000) => z.coerce.number().int().min(1).max(max).default(fallback);
const seconds = (fallback: number, max = 10_000) => z.coerce.number().positive().max(max).default(fallback);
const whole = (max: number) => z.coerce.number().int().min(1).max(max);
const positive = (max: number) => z.coerce.number().positive().max(max);
const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .default(fallback);
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  );
/** `Name <address>`, as git has it. */
const person = z
  .string()
  .regex(/^[^<>\p{Cc}]+ <[^<>\s]+@[^<>\s]+>$/u, 'expected Name <address>')
  .transform((text): Person => {
    const at = text.lastIndexOf(' <');
    return { name: text.slice(0, at), email: text.slice(at + 2, -1) };
  });

export type Person = { name: string; email: string };

/**
 * Where a service is: https, or http on this machine only, so that no key travels in clear. A password in it would be
 * stored in rows and logs, and a query is not part of a base address.
 */
const address = z.string().superRefine((text, context) => {
  const refuse = (message: string) => context.addIssue({ code: 'custom', message });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    refuse('expected a URL with its scheme, such as https://example.com or http://127.0.0.1:8000');
  else if (url.protocol === 'http:' && !isLoopback(url.hostname))
    refuse('expected https; http is for 127.0.0.1, [::1] and localhost only');
  else if (url.username || url.password) refuse('expected no user name and no password in it');
  else if (url.search || url.hash) refuse('expected neither ? nor # in it');
});

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}

/** JSON in a variable. */
const json = <S extends z.ZodType>(schema: S) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        context.addIssue({ code: 'custom', message: `expected JSON: ${(error as Error).message}` });
        return z.NEVER;
      }
    })
    .pipe(schema);

const Environment = z.object({
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
  STATE_MACHINE_ARN: z.string().optional(),
  JOB_QUEUE: z.string().optional(),

  /** Who verifies callers of the API: API Gateway's JWT authorizer, or nobody, which only one's own machine may say. */
  AUTHORIZATION: z.enum(['jwt', 'none']).default('jwt'),
  /** The claim that has a person's roles; in any but Cognito's they are called `cody-batch/viewer` and so on. */
  ROLES_CLAIM: z.string().min(1).default('cognito:groups'),

  GITHUB_API_URL: address.default('https://api.github.com'),
  /** Patterns separated by commas, of which the last that matches decides: `owner/*,!owner/secret`. Empty allows nothing. */
  ALLOWED_REPOSITORIES: list.pipe(z.array(AllowedPattern)),
  /** Pull requests an hour for one credential: GitHub allows about 500 content creations. */
  PULL_REQUESTS_PER_HOUR: count(400, 1_000_000),
  /** A GitHub App that opens pull requests in place of a token; its key is GITHUB_APP_PRIVATE_KEY. */
  GITHUB_APP_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/, "expected the App's id")
    .optional(),
  /** Whether calls that write keep the second between them that GitHub advises. */
  GITHUB_THROTTLE: flag(true),
  /** Globs of files that no change may touch unless its job allows it, beside workflows and CODEOWNERS. */
  PROTECTED_FILES: list.pipe(z.array(z.string().max(256))),
  /** Author of commits; whom the credential belongs to where absent, which is what lets GitHub sign them. */
  COMMIT_AUTHOR: person.optional(),
  /** The author where absent. */
  COMMIT_COMMITTER: person.optional(),
  /** Whether commits carry a Signed-off-by line (DCO) where the job does not say; needs COMMIT_AUTHOR. */
  SIGN_OFF: flag(false),
  /** Where people reach the API, for links in pull requests; paths of the API where absent. */
  PUBLIC_URL: address.optional(),

  /** Seconds that the server which repositories are cloned from may fail before a repository does. */
  GIT_PATIENCE_SECONDS: seconds(300),

  CLAUDE_PROVIDER: z.enum(['anthropic', 'bedrock']).default('anthropic'),
  ANTHROPIC_BASE_URL: address.optional(),
  ANTHROPIC_BEDROCK_BASE_URL: address.optional(),
  CLAUDE_MODEL: z.string().min(1).default('claude-sonnet-5-5'),
  /** The models that a job may ask for, separated by commas; any where it is empty. */
  ALLOWED_MODELS: list,
  /**
   * Prices in USD per million tokens where they are not the Claude API's, as of Bedrock or of a gateway: JSON,
   * `{"MODEL": {"input": 3, "output": 15, "cacheWrite": 3.75, "cacheRead": 0.3}}`. The caps on cost hold by them.
   */
  MODEL_PRICES: json(OwnPrices).default({}),
  /** Whether a job may use a model whose price is not known, for which no cap on cost can be held. */
  ALLOW_UNPRICED_MODELS: flag(false),
  CLAUDE_MAX_TOKENS: z.coerce.number().int().min(1024).max(128_000).default(64_000),
  CLAUDE_EFFORT: Effort.optional(),
  /** Seconds that calls may stay without a whole answer before a worker leaves its slot and the state machine waits instead. */
  CLAUDE_PATIENCE_SECONDS: seconds(120),
  /**
   * Seconds without a byte after which a call counts as lost. The Anthropic API sends pings; Bedrock does not, and is
   * silent while a model thinks. Node.js itself gives up at 300.
   */
  CLAUDE_IDLE_SECONDS: seconds(240, 300),
  CLAUDE_TEMPERATURE: z
    .undefined('current models refuse a temperature; remove it and set CLAUDE_EFFORT (low … max) instead')
    .optional(),

  /** The most repositories of one job. */
  MAX_REPOSITORIES: count(100),
  /** What a job has where it does not say. */
  DEFAULT_CONCURRENCY: whole(10_000).optional(),
  DEFAULT_JOB_COST_USD: positive(1_000_000).optional(),
  DEFAULT_TURNS: whole(1000).optional(),
  DEFAULT_REPOSITORY_COST_USD: positive(10_000).optional(),
  DEFAULT_MINUTES: positive(1440).optional(),
  /** The most that a job may say. */
  MAX_CONCURRENCY: whole(10_000).optional(),
  MAX_JOB_COST_USD: positive(1_000_000).optional(),
  MAX_TURNS: whole(1000).optional(),
  MAX_REPOSITORY_COST_USD: positive(10_000).optional(),
  MAX_MINUTES: positive(1440).optional(),
  MAX_PATCH_KIB: count(1024, 16_384),
  MAX_FILES: count(100),
  /** How old the counts on a job's row may be before a reader counts again. */
  COUNTS_MAX_AGE_SECONDS: z.coerce.number().min(0).default(5),

  TEMP_DIR: z.string().default(() => tmpdir()),
  /** `uid:gid` of the user who runs a job's commands; the worker's own where it is absent. */
  COMMAND_USER: z
    .string()
    .regex(/^[1-9]\d*:[1-9]\d*$/, 'expected uid:gid in numbers, none of them 0, such as 10002:10002')
    .optional(),
  /**
   * Secrets that a job may name in `settings.commandSecrets` for its setup commands. Each is read as the product's own
   * are: from Secrets Manager where `{name}_SECRET_ID` is set, else from the variable of that name.
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
  /** The function that gives a worker credentials for its own repository; its own role's where it is absent. */
  WORKER_CREDENTIALS_FUNCTION: z.string().optional(),
  /** By which that function knows the worker. The state machine gives it to the Batch job; it is a secret. */
  WORKER_TOKEN: z.string().optional(),
  /** The role whose credentials it gives. */
  WORKER_SESSION_ROLE_ARN: z.string().optional(),

  AWS_BATCH_JOB_ID: z.string().optional(),
  AWS_BATCH_JOB_ATTEMPT: z.coerce.number().int().min(1).default(1),
  /** What to work on where neither the arguments nor the Batch job say it. */
  JOB_ID: z.string().optional(),
  REPOSITORY_NAME: z.string().optional(),
});

/** Each is read from Secrets Manager where `{name}_SECRET_ID` is set, else from the plain variable. */
const SECRETS = {
  /** Reads repositories; the worker clones with it. */
  GITHUB_TOKEN: ['GITHUB_TOKEN'],
  /** Opens pull requests; GITHUB_TOKEN serves where it is absent. Never in the worker's environment. */
  GITHUB_WRITE_TOKEN: ['GITHUB_WRITE_TOKEN', 'GITHUB_TOKEN'],
  /** PEM, of the App that GITHUB_APP_ID names. Never in the worker's environment. */
  GITHUB_APP_PRIVATE_KEY: ['GITHUB_APP_PRIVATE_KEY'],
  CLAUDE_API_KEY: ['CLAUDE_API_KEY', 'ANTHROPIC_API_KEY'],
} as const;
export type SecretName = keyof typeof SECRETS;

export type Settings = Omit<
  z.infer<typeof Environment>,
  | 'DYNAMODB_TABLE_PREFIX'
  | 'DYNAMODB_JOBS_TABLE'
  | 'DYNAMODB_REPOSITORIES_TABLE'
  | 'CLAUDE_TEMPERATURE'
  | `DEFAULT_${Bounded}`
  | `MAX_${Bounded}`
> &
  Bounds & {
    /** Explicit names win over the prefix. */
    jobsTable: string;
    repositoriesTable: string;
    /**
     * Without white space at its ends. Undefined where the secret is not configured. Kept for 5 minutes, so that a
     * process that lives on sees one that was rotated.
     */
    secret(name: SecretName): Promise<string | undefined>;
    /**
     * A secret for `setup`, by its name. Throws SettingsError where COMMAND_SECRETS does not allow it, or where its value
     * is not there or cannot be redacted.
     */
    commandSecret(name: string): Promise<string>;
    /** Of the AWS clients of this process; what the SDK finds by itself where it is absent. */
    credentials?: CredentialProvider;
    /** A service refused a value: what was read is read anew. */
    forgetSecrets(): void;
    /** Where Secrets Manager keeps it: names a credential for whoever may not read it. Undefined where it is not there. */
    secretId(name: SecretName): string | undefined;
  };

/** Variables that hold a secret itself. */
export const SECRET_VARIABLES: readonly string[] = [...new Set(Object.values(SECRETS).flat())];

/** Those of them that may write to GitHub, which no worker gets. */
export const WRITE_CREDENTIALS: readonly string[] = ['GITHUB_WRITE_TOKEN', 'GITHUB_APP_PRIVATE_KEY'];

/** Every variable that a setting is read from, secrets included. */
export const SETTING_NAMES: readonly string[] = [
  ...Object.keys(Environment.shape),
  ...SECRET_VARIABLES.flatMap((name) => [name, `${name}_SECRET_ID`]),
];

/** Those of the secrets in COMMAND_SECRETS, which are names of the operator's choice. */
export function commandSecretVariables({ COMMAND_SECRETS = '' }: Variables): string[] {
  return list.parse(COMMAND_SECRETS).flatMap((name) => [name, `${name}_SECRET_ID`]);
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** What a job is given where it is silent, where DEFAULT_… is silent too, and the most that the API's schema admits. */
const BOUNDED = {
  CONCURRENCY: { fallback: 20, most: 10_000 },
  JOB_COST_USD: { fallback: 50, most: 1_000_000 },
  TURNS: { fallback: 60, most: 1000 },
  REPOSITORY_COST_USD: { fallback: 2, most: 10_000 },
  MINUTES: { fallback: 45, most: 1440 },
} as const;
type Bounded = keyof typeof BOUNDED;
type Bounds = Record<`DEFAULT_${Bounded}` | `MAX_${Bounded}`, number>;

/** Where callers are told apart, the ceiling that is not set is this often the default; whoever owns the machine has none. */
const CEILING_OF_DEFAULT = 10;

/** The default and the ceiling of each bound. A default that is not set keeps to the ceiling. */
function boundsOf(given: z.infer<typeof Environment>): Bounds {
  const bounds = (Object.keys(BOUNDED) as Bounded[]).map((name) => {
    const { fallback, most } = BOUNDED[name];
    const [written, ceiling] = [given[`DEFAULT_${name}`], given[`MAX_${name}`]];
    const byDefault = written ?? Math.min(fallback, ceiling ?? most);
    const unset = given.AUTHORIZATION === 'none' ? most : Math.min(most, CEILING_OF_DEFAULT * byDefault);
    const max = ceiling ?? unset;
    if (byDefault > max) {
      throw new SettingsError(
        `DEFAULT_${name} is ${byDefault}, and MAX_${name} is ${max}, above which no job may be. Lower the first or raise the second.`,
      );
    }
    return { [`DEFAULT_${name}`]: byDefault, [`MAX_${name}`]: max };
  });
  return Object.assign({}, ...bounds) as Bounds;
}

function refuseDefaultModel({ ALLOWED_MODELS, CLAUDE_MODEL }: z.infer<typeof Environment>): void {
  if (ALLOWED_MODELS.length === 0 || ALLOWED_MODELS.includes(CLAUDE_MODEL)) return;
  throw new SettingsError(
    `CLAUDE_MODEL is ${CLAUDE_MODEL}, which is not among ALLOWED_MODELS (${ALLOWED_MODELS.join(', ')}). Add it there, or set CLAUDE_MODEL to one of them.`,
  );
}

/** Whether a job's caps on cost can be held, by the price of its model; the model is the one that the job names. */
export function isModelPriced(
  model: string,
  { CLAUDE_PROVIDER, MODEL_PRICES }: Pick<Settings, 'CLAUDE_PROVIDER' | 'MODEL_PRICES'>,
): boolean {
  return isPriced(modelIdAt(CLAUDE_PROVIDER, model), MODEL_PRICES);
}

/**
 * Parses an environment. An empty variable counts as absent, as shells and `.env` files write it. `now` is the clock
 * that secrets age by, in milliseconds; `source` is where AWS clients take their credentials from, where it is not what the
 * SDK finds by itself.
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
      return `${name} (${present[name]?.length ?? 0} characters): ${issue.message}`;
    });
    throw new SettingsError(
      `The environment does not fit. ${faults.join('; ')}. Correct or remove what is named.`,
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
  return {
    ...rest,
    ...boundsOf(parsed.data),
    jobsTable: DYNAMODB_JOBS_TABLE ?? `${DYNAMODB_TABLE_PREFIX}-jobs`,
    repositoriesTable: DYNAMODB_REPOSITORIES_TABLE ?? `${DYNAMODB_TABLE_PREFIX}-repositories`,
    ...(source && { credentials: source.forWork }),
    ...secretReader(present, now, source?.forWork),
    commandSecret: (name) =>
      readCommandSecret(name, rest.COMMAND_SECRETS, present, source?.forCommandSecret(name)),
    secretId(name) {
      const configured = SECRETS[name].find((one) => present[`${one}_SECRET_ID`] || present[one]);
      return configured && present[`${configured}_SECRET_ID`];
    },
  };
}

const SECRET_LIFE_MS = 5 * 60_000;

function secretReader(
  variables: Variables,
  now: () => number,
  credentials: CredentialProvider | undefined,
): Pick<Settings, 'secret' | 'forgetSecrets'> {
  const read = new Map<SecretName, { value: Promise<string | undefined>; at: number }>();
  return {
    secret(name) {
      const known = read.get(name);
      if (known && now() - known.at < SECRET_LIFE_MS) return known.value;
      const value = readSecret(variables, SECRETS[name], credentials);
      const reading = { value, at: now() };
      read.set(name, reading);
      // What could not be read is asked for again: a function lives on after it, and the secret may be filled meanwhile.
      value.catch(() => read.get(name) === reading && read.delete(name));
      return value;
    },
    forgetSecrets: () => read.clear(),
  };
}

/**
 * The command that fills a secret: the value from standard input, so that it is in no history and no process list, and
 * without the line feed that Enter would add. A key of several lines comes from its file.
 */
export function fillSecretCommand(secretId: string, name: string): string {
  const put = `aws secretsmanager put-secret-value --secret-id ${secretId} --secret-string`;
  return name === 'GITHUB_APP_PRIVATE_KEY'
    ? `${put} file://KEY.pem`
    : `read -rs VALUE && printf %s "$VALUE" | ${put} file:///dev/stdin`;
}

async function readSecret(
  variables: Variables,
  names: readonly string[],
  credentials: CredentialProvider | undefined,
): Promise<string | undefined> {
  for (const name of names) {
    const secretId = variables[`${name}_SECRET_ID`];
    if (secretId) {
      const value = (await readSecretsManager(secretId, credentials))?.trim();
      if (!value)
        throw new SettingsError(
          `The secret ${secretId} of ${name}_SECRET_ID is not there or has no value yet; fill it: ${fillSecretCommand(secretId, name)}`,
        );
      return value;
    }
    const plain = variables[name]?.trim();
    if (plain) return plain;
  }
  return undefined;
}

async function readCommandSecret(
  name: string,
  allowed: readonly string[],
  variables: Variables,
  credentials: CredentialProvider | undefined,
): Promise<string> {
  if (!allowed.includes(name))
    throw new SettingsError(
      `COMMAND_SECRETS allows ${allowed.join(', ') || 'no secret'}, and the job asks for ${name}. Add it to the setting, or take it out of settings.commandSecrets.`,
    );
  const value = await readSecret(variables, [name], credentials);
  if (value === undefined)
    throw new SettingsError(
      `COMMAND_SECRETS allows ${name}, and it has no value. Set ${name}, or ${name}_SECRET_ID to its name in Secrets Manager.`,
    );
  const problem = unusableSecret(value);
  if (problem) throw new SettingsError(`The secret ${name} of COMMAND_SECRETS ${problem}.`);
  return value;
}

/** Undefined where there is no such secret, or none of its versions has a value: the service tells both alike. */
async function readSecretsManager(
  secretId: string,
  credentials: CredentialProvider | undefined,
): Promise<string | undefined> {
  // Loaded on demand: a process without a secret in Secrets Manager does not pay for the client at its start.
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient({ ...(credentials && { credentials }) });
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: secretId }))).SecretString;
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  } finally {
    client.destroy();
  }
}

let current: Settings | undefined;

/** The settings of this process. */
export function settings(): Settings {
  current ??= parseSettings(process.env);
  return current;
}

/** The same, for a process whose AWS clients take their credentials from here. */
export function settingsWith(source: CredentialSource): Settings {
  return parseSettings(process.env, Date.now, source);
}

/** The value of an optional setting that this part of the product cannot do without. */
export function required<K extends keyof Settings>(all: Settings, name: K): NonNullable<Settings[K]> {
  const value = all[name];
  if (value === undefined || value === null)
    throw new SettingsError(`${name} is not set; this part of Cody Batch needs it.`);
  return value as NonNullable<Settings[K]>;
}

/** The job settings that the environment gives where a request is silent. */
export function defaultJobSettings(all: Settings): JobSettings {
  return {
    model: all.CLAUDE_MODEL,
    ...(all.CLAUDE_EFFORT && { effort: all.CLAUDE_EFFORT }),
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
