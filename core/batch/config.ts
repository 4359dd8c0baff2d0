import { z } from 'zod';
import { BatchConfigurationError } from './errors.ts';
import { Attempts, BatchJobBaseName, NameOrArn } from './job-request.ts';

/** What the service says while it works: a Logger of Powertools fits, and so does `console`. */
export type BatchLogger = {
  info(message: string, fields: Record<string, unknown>): void;
  warn(message: string, fields: Record<string, unknown>): void;
};

const Logger = z.custom<BatchLogger>(
  (value) => ['info', 'warn'].every((name) => typeof (value as never)?.[name] === 'function'),
  'expected an object with the functions info and warn',
);

/** Tries of one call, with waits of up to 0.25, 0.5, 1, 2 and 4 s between them. */
const DEFAULT_TRIES = 6;

const BatchConfig = z.strictObject({
  /** The default is AWS_REGION, or that of the profile. */
  region: z.string().min(1).optional(),
  /** Another address of Batch's API. The default is AWS_ENDPOINT_URL_BATCH, or that of the region. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  jobQueue: NameOrArn.optional(),
  jobDefinition: NameOrArn.optional(),
  /** What a generated job name begins with. */
  jobBaseName: BatchJobBaseName.optional(),
  /** The attempts of a job that does not name its own. The default is the job definition's retry strategy. */
  attempts: Attempts.optional(),
  /** How often a call is tried that is throttled, or that Batch does not answer. */
  tries: z.int().min(1).max(20).default(DEFAULT_TRIES),
  /** The default says nothing. */
  logger: Logger.optional(),
});
/** The configuration as it is given. Credentials are those of the SDK's default chain. */
export type BatchConfig = z.input<typeof BatchConfig>;

/** Throws BatchConfigurationError, which names each invalid field. */
export function parseBatchConfig(config: BatchConfig): z.output<typeof BatchConfig> {
  const { data, error } = BatchConfig.safeParse(config);
  if (data) return data;
  throw new BatchConfigurationError(`The configuration is invalid: ${faultsOf(error)}`, {
    operation: 'new BatchService',
    field: String(error.issues[0]?.path[0] ?? ''),
    cause: error,
  });
}

/** Each fault with the field that has it. */
export function faultsOf({ issues }: z.ZodError): string {
  return issues
    .map(({ path, message }) => (path.length ? `${path.join('.')}: ${message}` : message))
    .join('; ');
}
