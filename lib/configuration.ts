import { z } from 'zod';
import { SettingsError } from '../core/errors.ts';
import { parseSettings, SETTING_NAMES } from '../core/settings.ts';
import { requireFargateSize } from './fargate.ts';

/** `a,b` on the command line, a list in cdk.json. */
const list = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(',').map((entry) => entry.trim()))])
  .transform((entries) => entries.filter(Boolean));
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/**
 * Settings of the functions and of the worker that a deployment decides itself: names of what it creates, and secrets,
 * which are in Secrets Manager and never in a template.
 */
const DECIDED_HERE =
  /^(?:AWS_|DYNAMODB_|AUTHORIZATION|ARTIFACTS_URL|STATE_MACHINE_ARN|JOB_QUEUE|TEMP_DIR|JOB_ID|REPOSITORY_NAME|WORKER_)|_SECRET_ID$|TOKEN$|API_KEY$/;
/** The image's own, and the App's key. */
const DECIDED_ELSEWHERE = /^COMMAND_USER$|_PRIVATE_KEY$/;

/** MODEL_PRICES may be written as the object that it is. */
const SettingText = z.preprocess(
  (value) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : value),
  z.coerce.string(),
);

/** An object in cdk.json, its JSON on the command line. */
const Settings = z.preprocess(
  (value, context) => {
    if (typeof value !== 'string') return value;
    try {
      return JSON.parse(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: `is no JSON: ${(error as Error).message}` });
      return z.NEVER;
    }
  },
  z.record(z.string(), SettingText).superRefine((settings, context) => {
    for (const name of Object.keys(settings)) {
      if (!SETTING_NAMES.includes(name)) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: 'is no setting; core/settings.ts has them',
        });
      } else if (DECIDED_HERE.test(name) || DECIDED_ELSEWHERE.test(name)) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: 'is decided by the deployment itself; remove it',
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

/**
 * What a deployment may be told: in cdk.json under `environments`, or for once by `--context name=value`.
 */
const Configuration = z.strictObject({
  /** Settings of the product, as core/settings.ts names them: ALLOWED_REPOSITORIES and MAX_REPOSITORIES first of all. */
  settings: Settings.default({}),
  /** Whether data outlives the stack, and cannot be deleted by mistake. */
  keepData: z.stringbool().or(z.boolean()).default(true),
  /**
   * Whether tables, user pool and stack refuse deletion, where keepData holds. `npm run deploy` leaves it out of the first
   * deployment until all is there: what a failed one made could not be rolled back, and its names would stay taken.
   */
  deletionProtection: z.stringbool().or(z.boolean()).default(true),

  workerVcpu: z.coerce
    .number()
    .pipe(z.literal([0.25, 0.5, 1, 2, 4, 8, 16]))
    .default(1),
  /** Fargate gives only certain amounts with each number of vCPUs (lib/fargate.ts). */
  workerMemoryMiB: whole(512, 122_880).default(2048),
  /** Disk of one worker: 20 is Fargate's own, more costs. */
  workerStorageGiB: whole(20, 200).default(20),
  /** The most vCPUs at work at once: on Spot, and then again on demand. */
  maxVcpus: whole(1, 10_000).default(64),
  /** An image of your own, made from worker/Dockerfile's: your toolchain in it. */
  workerImage: z.string().optional(),
  /**
   * What worker/Dockerfile starts from, as NAME@sha256:DIGEST. `npm run deploy` asks the registry for the newest digest of
   * node:24-slim where it is absent.
   */
  workerBaseImage: z
    .string()
    .regex(/^[^\s@]+@sha256:[0-9a-f]{64}$/, 'expected NAME@sha256:DIGEST, such as node:24-slim@sha256:…')
    .optional(),

  /** Models of Bedrock that jobs may ask for beside CLAUDE_MODEL, where CLAUDE_PROVIDER is bedrock. */
  bedrockModels: list.default([]),

  /** A VPC that exists, also one that another account shares; a new one without NAT where it is absent. */
  vpcId: z.string().optional(),
  subnetIds: list.default([]),
  /** Whether workers get a public address, which in subnets without NAT is their way to GitHub and Claude. */
  publicIp: z.stringbool().or(z.boolean()).default(true),

  /** Any OIDC issuer; a Cognito user pool is made where it is absent. */
  oidcIssuer: z.url().optional(),
  oidcAudience: list.default([]),
  /** Whether Cognito has a client for machines; it charges for one (docs/aws.md). */
  machineClient: z.stringbool().or(z.boolean()).default(false),

  /** The built page, in the project's folder; no page is deployed where it does not exist. */
  pageFolder: z.string().default('web/dist'),

  /** Whom alarms and the budget tell; an SNS topic takes subscriptions in any case. */
  alarmEmail: z.email().optional(),
  monthlyBudgetUsd: z.coerce.number().positive().default(50),
});

export type Configuration = z.infer<typeof Configuration> & {
  /** `dev`, `prod`, or any short name of your own. */
  readonly environment: string;
};

// Part of bucket names: cody-batch-{environment}-frontend-{account}-{region} must stay under 63 characters.
const EnvironmentName = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,9}$/, 'expected 1 to 10 letters and digits, the first a letter');

/** Reads the app's context: the environment's part of cdk.json, overruled by what the command line says. */
export function readConfiguration(context: (name: string) => unknown): Configuration {
  const environment = parse(EnvironmentName, context('environment') ?? 'dev', 'environment');
  const written = (context('environments') as Record<string, object> | undefined)?.[environment];
  const said = Object.fromEntries(
    Object.keys(Configuration.shape).flatMap((name) => {
      const value = context(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const configuration = parse(Configuration, { ...written, ...said }, `environments.${environment}`);
  refuseHalfAnswers(configuration);
  requireFargateSize(configuration.workerVcpu, configuration.workerMemoryMiB);
  const deletionProtection = configuration.keepData && configuration.deletionProtection;
  return { environment, ...configuration, deletionProtection };
}

function refuseHalfAnswers({ vpcId, subnetIds, oidcIssuer, oidcAudience }: z.infer<typeof Configuration>) {
  if (Boolean(vpcId) !== subnetIds.length > 0)
    throw new SettingsError('vpcId and subnetIds belong together: give both, or neither for a new VPC.');
  if (Boolean(oidcIssuer) !== oidcAudience.length > 0)
    throw new SettingsError(
      'oidcIssuer and oidcAudience belong together: give both, or neither for Cognito.',
    );
}

function parse<S extends z.ZodType>(schema: S, value: unknown, where: string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${[where, ...path].join('.')}: ${message}`);
  throw new SettingsError(
    `The context (cdk.json, or --context) does not fit. ${faults.join('; ')}. Correct or remove what is named.`,
  );
}
