import { JobStatus } from '@aws-sdk/client-batch';
import { z } from 'zod';
import { BatchJobName } from '../../core/batch/job-request.ts';
import { ClientException } from './client-exception.ts';

// The request of each operation, with the limits of the API reference
// (https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html and so on). Objects are strict: a member that
// this Batch would ignore, such as arrayProperties or dependsOn, is refused.

/** SubmitJob's payload, https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html; the others are smaller. */
export const MAX_REQUEST_KIB = 30;

// On AWS the job fails with these words when ECS runs the task; here the submission is refused.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
const MAX_OVERRIDES_CHARACTERS = 8192;

const ContainerOverrides = z
  .strictObject({
    command: z.array(z.string().min(1)).min(1).optional(),
    environment: z
      .array(
        z.strictObject({
          name: z
            .string()
            .min(1)
            .refine(
              (name) => !name.startsWith('AWS_BATCH'),
              'expected a name that does not start with AWS_BATCH',
            ),
          value: z.string(),
        }),
      )
      .optional(),
  })
  .refine((overrides) => JSON.stringify(overrides).length <= MAX_OVERRIDES_CHARACTERS, {
    error: ({ input }) =>
      `Container Overrides length must be at most ${MAX_OVERRIDES_CHARACTERS}, received ${JSON.stringify(input).length}`,
  });

const ReasonPattern = z
  .string()
  .max(512)
  .regex(
    /^[A-Za-z0-9.:\s]*\*?$/,
    'expected letters, digits, ".", ":" and white space, and "*" at the end only',
  );

const RetryStrategy = z
  .strictObject({
    attempts: z.int().min(1).max(10).optional(),
    evaluateOnExit: z
      .array(
        z.strictObject({
          action: z
            .string()
            .toUpperCase()
            .pipe(z.enum(['RETRY', 'EXIT'])),
          onExitCode: z
            .string()
            .max(512)
            .regex(/^\d*\*?$/, 'expected digits, and "*" at the end only')
            .optional(),
          onReason: ReasonPattern.optional(),
          onStatusReason: ReasonPattern.optional(),
        }),
      )
      .max(5)
      .optional(),
  })
  .refine(({ attempts, evaluateOnExit }) => !evaluateOnExit || attempts !== undefined, {
    error: 'evaluateOnExit needs attempts beside it',
  });

export const SubmitJobRequest = z.strictObject({
  jobName: BatchJobName,
  jobQueue: z.string(),
  jobDefinition: z.string(),
  parameters: z.record(z.string(), z.string()).optional(),
  containerOverrides: ContainerOverrides.optional(),
  retryStrategy: RetryStrategy.optional(),
  timeout: z.strictObject({ attemptDurationSeconds: z.int().min(60) }).optional(),
  tags: z
    .record(z.string().min(1).max(128), z.string().max(256))
    .refine((tags) => Object.keys(tags).length <= 50, 'expected at most 50 tags')
    .optional(),
  // Accepted without effect: there is no ECS task to copy the tags to.
  propagateTags: z.boolean().optional(),
});
export type SubmitJobRequest = z.infer<typeof SubmitJobRequest>;

export const DescribeJobsRequest = z.strictObject({ jobs: z.array(z.string()).max(100) });

export const ListJobsRequest = z.strictObject({
  jobQueue: z.string(),
  jobStatus: z.enum(JobStatus).optional(),
  maxResults: z.int().min(1).optional(),
  nextToken: z.string().regex(/^\d+$/, 'expected the nextToken of an earlier answer').optional(),
  filters: z
    .array(z.strictObject({ name: z.literal('JOB_NAME'), values: z.array(z.string()).min(1) }))
    .max(1)
    .optional(),
});
export type ListJobsRequest = z.infer<typeof ListJobsRequest>;

/** Of TerminateJob and CancelJob. */
export const EndJobRequest = z.strictObject({
  jobId: z.string().min(1),
  reason: z.string().min(1).max(1024),
});

const Paging = { maxResults: z.int().min(1).optional(), nextToken: z.string().optional() };

export const DescribeJobQueuesRequest = z.strictObject({
  ...Paging,
  jobQueues: z.array(z.string()).optional(),
});

export const DescribeComputeEnvironmentsRequest = z.strictObject({
  ...Paging,
  computeEnvironments: z.array(z.string()).optional(),
});

export const DescribeJobDefinitionsRequest = z.strictObject({
  ...Paging,
  jobDefinitions: z.array(z.string()).optional(),
  jobDefinitionName: z.string().optional(),
  status: z.string().optional(),
});

/** Parses a request's body. The ClientException that it throws names every invalid member. */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, body: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(body || '{}');
  } catch (error) {
    throw new ClientException('The body is not JSON.', { cause: error });
  }
  const { data, error } = schema.safeParse(value);
  if (!error) return data;
  throw new ClientException(
    error.issues
      .map(({ path, message }) => (path.length ? `${path.join('.')}: ${message}` : message))
      .join('; '),
  );
}
