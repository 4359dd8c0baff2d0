import { z } from 'zod';
import { SettingsError } from '../core/errors.ts';
import { parseSettings, SETTING_NAMES } from '../core/settings.ts';
import { DEFAULT_IMAGE, ImageName } from '../core/worker-image.ts';
import { requireFargateSize } from './fargate.ts';

/** `a,b` on the command line, or an array in cdk.json. */
const list = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(',').map((entry) => entry.trim()))])
  .transform((entries) => entries.filter(Boolean));
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/**
 * Settings that the deployment sets itself: names of resources, and secrets, which are in Secrets Manager and never in a
 * template.
 */
const DECIDED_HERE =
  /^(?:AWS_|DYNAMODB_|AUTHORIZATION|ARTIFACTS_URL|STATE_MACHINE_ARN|JOB_QUEUE|JOB_DEFINITIONS|LOCAL_IMAGES|METRICS_NAMESPACE|ROTATED_SECRETS|NOTICE_TOPIC_ARN|NOTICE_DEAD_LETTERS_URL|NOTICE_LOOPBACK|TEMP_DIR|JOB_ID|REPOSITORY_NAME|WORKER_)|_SECRET_ID$|TOKEN$|API_KEY$|SIGNING_KEY$/;
/** A setting of the image, and the App's key. */
const DECIDED_ELSEWHERE = /^COMMAND_USER$|_PRIVATE_KEY$/;

/** MODEL_PRICES may be an object. */
const SettingText = z.preprocess(
  (value) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : value),
  z.coerce.string(),
);

/** An object in cdk.json, or its JSON on the command line. */
function jsonOnCommandLine(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is not JSON: ${(error as Error).message}` });
    return z.NEVER;
  }
}

const Settings = z.preprocess(
  jsonOnCommandLine,
  z.record(z.string(), SettingText).superRefine((settings, context) => {
    for (const name of Object.keys(settings)) {
      if (!SETTING_NAMES.includes(name)) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: 'is not a setting; docs/settings.md lists them',
        });
      } else if (DECIDED_HERE.test(name) || DECIDED_ELSEWHERE.test(name)) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: 'is set by the deployment itself; remove it',
        });
      }
    }
    try {
      parseSettings(settings);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  }),
);

/** As a browser sends it: no path, no slash at the end, and no wildcard. */
const WebOrigin = z
  .string()
  .refine(
    (text) => URL.canParse(text) && text.startsWith('https://') && new URL(text).origin === text,
    'expected an origin such as https://portal.example.com',
  );

const WorkerImages = z.preprocess(
  jsonOnCommandLine,
  z.record(
    ImageName.refine(
      (name) => name !== DEFAULT_IMAGE,
      'the image of this name is workerImage; use that option',
    ),
    z.string().min(1),
  ),
);

/** The options of a deployment: in cdk.json under `environments`, or once by `--context name=value`. */
const Configuration = z.strictObject({
  /** Settings of the product (docs/settings.md), above all ALLOWED_REPOSITORIES and MAX_REPOSITORIES. */
  settings: Settings.default({}),
  /** Whether data outlives the stack and is protected from deletion. */
  keepData: z.stringbool().or(z.boolean()).default(true),
  /**
   * Whether tables, user pool and stack refuse deletion; requires keepData. `npm run deploy` turns it on only after the first
   * deployment: otherwise a failed one could not be rolled back, and its names would stay taken.
   */
  deletionProtection: z.stringbool().or(z.boolean()).default(true),

  workerVcpu: z.coerce
    .number()
    .pipe(z.literal([0.25, 0.5, 1, 2, 4, 8, 16]))
    .default(1),
  /** Fargate gives only certain amounts with each number of vCPUs (lib/fargate.ts). */
  workerMemoryMiB: whole(512, 122_880).default(2048),
  /** The disk of one worker: 20 is included in Fargate's price. */
  workerStorageGiB: whole(20, 200).default(20),
  /** The maximum of vCPUs at the same time, for Spot and for on-demand capacity each. */
  maxVcpus: whole(1, 10_000).default(64),
  /** An image that is based on the one of worker/Dockerfile, with your toolchain. */
  workerImage: z.string().optional(),
  /**
   * More images by the names that jobs choose from: where it is in a registry, or `./folder`, whose Dockerfile begins with
   * `FROM worker`.
   */
  workerImages: WorkerImages.default({}),
  /** The image of jobs that name none. `default` is workerImage, or that of worker/Dockerfile. */
  defaultWorkerImage: z.string().default(DEFAULT_IMAGE),
  /**
   * The base image of worker/Dockerfile, as NAME@sha256:DIGEST. If it is absent, `npm run deploy` uses the newest digest of
   * node:24-slim.
   */
  workerBaseImage: z
    .string()
    .regex(/^[^\s@]+@sha256:[0-9a-f]{64}$/, 'expected NAME@sha256:DIGEST, such as node:24-slim@sha256:…')
    .optional(),

  /** Whether the stack has a repository of ECR for images that you push. */
  imageRepository: z.stringbool().or(z.boolean()).default(false),

  /** Bedrock models that jobs may use besides CLAUDE_MODEL, if CLAUDE_PROVIDER is bedrock. */
  bedrockModels: list.default([]),

  /** An existing VPC, possibly shared by another account. If it is absent, a VPC without NAT is created. */
  vpcId: z.string().optional(),
  subnetIds: list.default([]),
  /** Whether workers get a public address, which they need to reach GitHub and Claude from subnets without NAT. */
  publicIp: z.stringbool().or(z.boolean()).default(true),

  /** Any OIDC issuer. If it is absent, a Cognito user pool is created. */
  oidcIssuer: z.url().optional(),
  oidcAudience: list.default([]),
  /** Origins of that issuer besides its own that the page calls, such as that of its token endpoint. */
  oidcOrigins: list.pipe(z.array(WebOrigin)).default([]),
  /** Whether Cognito has a client for machines, which it charges for (docs/aws.md). */
  machineClient: z.stringbool().or(z.boolean()).default(false),

  /** The built page, relative to the project's folder. If it does not exist, no page is deployed. */
  pageFolder: z.string().default('web/dist'),

  /** The most requests a second that the API admits, of all callers together; twice as many at once. */
  requestsPerSecond: whole(1, 10_000).default(50),

  /** Origins of other web pages that may call the API from a browser, such as https://portal.example.com. */
  allowedOrigins: list.pipe(z.array(WebOrigin)).default([]),

  /** Subscribed to the topic of alarms and the budget, which accepts other subscriptions too. */
  alarmEmail: z.email().optional(),
  monthlyBudgetUsd: z.coerce.number().positive().default(50),
  /** The cost of Claude in a day at which the topic is notified. */
  dailyClaudeUsd: z.coerce.number().positive().default(100),
  /** Where your team reads docs/runbook.md; alarms link to its sections. If it is absent, they name the file. */
  runbookUrl: z.url().optional(),
  /** Whether a trail watches denied calls and reads of secrets (docs/aws.md has its price). */
  unusualActivity: z.stringbool().or(z.boolean()).default(false),
  /** Whether CloudFront publishes the hit ratio of its cache, for $2.40 a month. */
  cacheMetrics: z.stringbool().or(z.boolean()).default(false),
});

export type Configuration = z.infer<typeof Configuration> & {
  /** `dev`, `prod`, or any other short name. */
  readonly environment: string;
};

// Part of bucket names: cody-batch-{environment}-frontend-{account}-{region} must stay under 63 characters.
const EnvironmentName = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,9}$/, 'expected 1 to 10 letters and digits, the first a letter');

/** Reads the app's context: the environment's part of cdk.json, overridden by the command line. */
export function readConfiguration(context: (name: string) => unknown): Configuration {
  const environment = parse(EnvironmentName, context('environment') ?? 'dev', 'environment');
  const written = (context('environments') as Record<string, object> | undefined)?.[environment];
  const overrides = Object.fromEntries(
    Object.keys(Configuration.shape).flatMap((name) => {
      const value = context(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const configuration = parse(Configuration, { ...written, ...overrides }, `environments.${environment}`);
  requirePairs(configuration);
  requireKnownImage(configuration);
  requireFargateSize(configuration.workerVcpu, configuration.workerMemoryMiB);
  const deletionProtection = configuration.keepData && configuration.deletionProtection;
  return { environment, ...configuration, deletionProtection };
}

function requirePairs({
  vpcId,
  subnetIds,
  oidcIssuer,
  oidcAudience,
  oidcOrigins,
}: z.infer<typeof Configuration>) {
  if (Boolean(vpcId) !== subnetIds.length > 0)
    throw new SettingsError('Only one of vpcId and subnetIds is set. Set both, or neither for a new VPC.');
  if (Boolean(oidcIssuer) !== oidcAudience.length > 0)
    throw new SettingsError(
      'Only one of oidcIssuer and oidcAudience is set. Set both, or neither for Cognito.',
    );
  if (oidcOrigins.length > 0 && !oidcIssuer)
    throw new SettingsError(
      `oidcOrigins is ${oidcOrigins.join(', ')}, and oidcIssuer is not set. Set it, or remove oidcOrigins.`,
    );
}

function requireKnownImage({ workerImages, defaultWorkerImage }: z.infer<typeof Configuration>) {
  const names = [DEFAULT_IMAGE, ...Object.keys(workerImages)];
  if (!names.includes(defaultWorkerImage))
    throw new SettingsError(
      `defaultWorkerImage is ${defaultWorkerImage}, and the images are ${names.join(', ')}. Name one of them, or add it to workerImages.`,
    );
}

function parse<S extends z.ZodType>(schema: S, value: unknown, where: string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${[where, ...path].join('.')}: ${message}`);
  throw new SettingsError(
    `The context (cdk.json, or --context) is invalid. ${faults.join('; ')}. Correct or remove these values.`,
  );
}
