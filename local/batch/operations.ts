import type {
  DescribeComputeEnvironmentsResponse,
  DescribeJobDefinitionsResponse,
  DescribeJobQueuesResponse,
  DescribeJobsResponse,
  ListJobsResponse,
  SubmitJobResponse,
} from '@aws-sdk/client-batch';
import { batchArn, describeJob, summarizeJob } from './job.ts';
import type { LocalJobDefinition } from './job-definition.ts';
import type { JobQueue } from './job-queue.ts';
import { pageOfJobs } from './list-jobs.ts';
import {
  DescribeComputeEnvironmentsRequest,
  DescribeJobDefinitionsRequest,
  DescribeJobQueuesRequest,
  DescribeJobsRequest,
  EndJobRequest,
  ListJobsRequest,
  parseRequest,
  SubmitJobRequest,
} from './requests.ts';
import {
  describeComputeEnvironment,
  describeJobDefinition,
  describeJobQueue,
  findJobDefinition,
  isComputeEnvironment,
  isJobDefinition,
  isJobQueue,
  requireJobQueue,
} from './resources.ts';

/** What the operations work on: one queue, and job definitions of one revision each. */
export type Subject = { queue: JobQueue; queueName: string; definitions: readonly LocalJobDefinition[] };

/** From the body of a request to the JSON of the response. Throws ClientException. */
export type Operation = (body: string, subject: Subject) => object;

/** By the last part of the path, such as `submitjob` of `POST /v1/submitjob`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  submitjob: submitJob,
  describejobs: describeJobs,
  listjobs: listJobs,
  terminatejob: terminateJob,
  canceljob: cancelJob,
  describejobqueues: describeJobQueues,
  describejobdefinitions: describeJobDefinitions,
  describecomputeenvironments: describeComputeEnvironments,
};

function submitJob(body: string, { queue, queueName, definitions }: Subject): SubmitJobResponse {
  const request = parseRequest(SubmitJobRequest, body);
  requireJobQueue(request.jobQueue, queueName);
  const definition = findJobDefinition(request.jobDefinition, definitions);
  const { jobId, jobName } = queue.submit(request, definition);
  return { jobId, jobName, jobArn: batchArn('job', jobId) };
}

function describeJobs(body: string, { queue, queueName }: Subject): DescribeJobsResponse {
  const known = parseRequest(DescribeJobsRequest, body).jobs.map((jobId) => queue.find(jobId));
  return { jobs: known.flatMap((job) => (job ? [describeJob(job, queueName)] : [])) };
}

function listJobs(body: string, { queue, queueName }: Subject): ListJobsResponse {
  const request = parseRequest(ListJobsRequest, body);
  requireJobQueue(request.jobQueue, queueName);
  const { jobs, nextToken } = pageOfJobs(queue.list(), request);
  return { jobSummaryList: jobs.map(summarizeJob), nextToken };
}

function terminateJob(body: string, { queue }: Subject): object {
  const { jobId, reason } = parseRequest(EndJobRequest, body);
  queue.terminate(jobId, reason);
  return {};
}

function cancelJob(body: string, { queue }: Subject): object {
  const { jobId, reason } = parseRequest(EndJobRequest, body);
  queue.cancel(jobId, reason);
  return {};
}

function describeJobQueues(body: string, { queueName }: Subject): DescribeJobQueuesResponse {
  const { jobQueues = [queueName] } = parseRequest(DescribeJobQueuesRequest, body);
  const asked = jobQueues.some((reference) => isJobQueue(reference, queueName));
  return { jobQueues: asked ? [describeJobQueue(queueName)] : [] };
}

function describeJobDefinitions(body: string, { definitions }: Subject): DescribeJobDefinitionsResponse {
  const request = parseRequest(DescribeJobDefinitionsRequest, body);
  const { jobDefinitions, jobDefinitionName, status = 'ACTIVE' } = request;
  const references = jobDefinitions ?? (jobDefinitionName ? [jobDefinitionName] : undefined);
  const asked = definitions.filter(
    (definition) => !references || references.some((reference) => isJobDefinition(reference, definition)),
  );
  return { jobDefinitions: status === 'ACTIVE' ? asked.map(describeJobDefinition) : [] };
}

function describeComputeEnvironments(body: string): DescribeComputeEnvironmentsResponse {
  const { computeEnvironments } = parseRequest(DescribeComputeEnvironmentsRequest, body);
  const asked = computeEnvironments?.some(isComputeEnvironment) ?? true;
  return { computeEnvironments: asked ? [describeComputeEnvironment()] : [] };
}
