import type { JobStatus, KeyValuesPair } from '@aws-sdk/client-batch';
import { BatchRequestError } from './errors.ts';
import { BatchJobName } from './job-request.ts';

export type JobQuery = {
  /** @default - that of the configuration */
  jobQueue?: string | undefined;
  /** @default - any */
  status?: JobStatus | undefined;
  /** Upper and lower case differ. */
  name?: string | undefined;
  /** Upper and lower case differ. */
  namePrefix?: string | undefined;
};

/**
 * The filter of ListJobs for a name or a prefix; undefined if all are asked for. Throws BatchRequestError for one that no job
 * can have, and for an empty prefix, by which a mistake would ask for every job.
 */
export function nameFilter({ name, namePrefix }: JobQuery): KeyValuesPair[] | undefined {
  if (name !== undefined) return [{ name: 'JOB_NAME', values: [required('name', name)] }];
  if (namePrefix === undefined) return undefined;
  return [{ name: 'JOB_NAME', values: [`${required('namePrefix', namePrefix)}*`] }];
}

export function nameTest({ name, namePrefix = '' }: JobQuery): (jobName: string) => boolean {
  return (jobName) => (name === undefined ? jobName.startsWith(namePrefix) : jobName === name);
}

function required(field: string, value: string): string {
  const { error } = BatchJobName.safeParse(value);
  if (!error) return value;
  const message = error.issues.map((issue) => issue.message).join('; ');
  throw new BatchRequestError(`${field}: ${message}. Leave it out to list all jobs`, {
    operation: 'ListJobs',
    field,
    received: value,
  });
}
