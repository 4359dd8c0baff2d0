import { randomUUID } from 'node:crypto';
import type { JobDetail } from '@aws-sdk/client-batch';

/** A parameter that no command refers to. A tag would need the permission batch:TagResource, and names need not be unique. */
const MARK = 'submissionId';

/** The parameters of a request, with a mark by which its job can be found if the answer is lost. */
export function markSubmission(parameters: Record<string, string> = {}): Record<string, string> {
  return { ...parameters, [MARK]: randomUUID() };
}

export function isOfSubmission(job: JobDetail, submitted: Pick<JobDetail, 'parameters'>): boolean {
  return job.parameters?.[MARK] !== undefined && job.parameters[MARK] === submitted.parameters?.[MARK];
}
