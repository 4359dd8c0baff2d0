import { z } from 'zod';

const MAX_NAME = 128;

/**
 * The name of a job of AWS Batch, as SubmitJob takes it:
 * https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html
 */
export const BatchJobName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/, {
  error: ({ input }) =>
    `received ${JSON.stringify(input)}, expected 1 to ${MAX_NAME} letters, digits, "-" and "_", the first of which is a letter or digit`,
});

const UUID_CHARACTERS = 36;

/** Room is left for `-` and a UUID, with which a generated name ends. */
export const BatchJobBaseName = BatchJobName.max(MAX_NAME - 1 - UUID_CHARACTERS);

/** A queue: its name or ARN. A job definition: `name`, `name:revision` or the ARN. */
export const NameOrArn = z.string().min(1);

/** How often Batch starts a job in all. */
export const Attempts = z.int().min(1).max(10);

/** ECS refuses more: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html */
const MAX_OVERRIDES_CHARACTERS = 8192;

const Overrides = z
  .object({
    /** Replaces the job definition's command. */
    command: z.array(z.string().min(1)).min(1).readonly().optional(),
    /** Added to the job definition's. Visible to all who may describe jobs. */
    environment: z
      .record(
        z
          .string()
          .min(1)
          .refine(
            (name) => !name.startsWith('AWS_BATCH'),
            'expected a name that does not start with AWS_BATCH',
          ),
        z.string(),
      )
      .optional(),
  })
  .refine((overrides) => JSON.stringify(overrides).length <= MAX_OVERRIDES_CHARACTERS, {
    error: `expected a command and an environment of at most ${MAX_OVERRIDES_CHARACTERS} characters as JSON`,
  });

export const BatchJobRequest = z
  .strictObject({
    /** Names need not be unique. The default is the base name with `-` and a UUID. */
    jobName: BatchJobName.optional(),
    /** The default is that of the configuration. */
    jobQueue: NameOrArn.optional(),
    /** The default is that of the configuration. */
    jobDefinition: NameOrArn.optional(),
    ...Overrides.shape,
    /** Fill the `Ref::name` arguments of the command, and override the job definition's defaults. */
    parameters: z.record(z.string(), z.string()).optional(),
    /** Replaces the job definition's whole retry strategy, its evaluateOnExit rules included. */
    attempts: Attempts.optional(),
    /** The most seconds of one attempt. An attempt that exceeds it is ended and not retried. */
    timeoutSeconds: z.int().min(60).optional(),
    tags: z
      .record(z.string().min(1).max(128), z.string().max(256))
      .refine((tags) => Object.keys(tags).length <= 50, 'expected at most 50 tags')
      .optional(),
  })
  .superRefine(({ command, environment }, context) => {
    const { error } = Overrides.safeParse({ command, environment });
    for (const { message } of error?.issues.filter(({ path }) => path.length === 0) ?? [])
      context.addIssue({ code: 'custom', message, path: ['environment'] });
  });
export type BatchJobRequest = z.input<typeof BatchJobRequest>;
