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
  isComputeEnvironment,
  isJobDefinition,
  isJobQueue,
  requireJobDefinition,
  requireJobQueue,
} from './resources.ts';

/** From a request's body to the answer's; throws ClientException. */
export type Operation = (body: string) => object;

/** Batch's operations by the last part of their path, as `submitjob` of `POST /v1/submitjob`. */
export function batchOperations(
  queue: JobQueue,
  jobQueue: string,
  definition: LocalJobDefinition,
): ReadonlyMap<string, Operation> {
  return new Map<string, Operation>([
    [
      'submitjob',
      (body): SubmitJobResponse => {
        const request = parseRequest(SubmitJobRequest, body);
        requireJobQueue(request.jobQueue, jobQueue);
        requireJobDefinition(request.jobDefinition, definition);
        const { jobId, jobName } = queue.submit(request);
        return { jobId, jobName, jobArn: batchArn('job', jobId) };
      },
    ],
    [
      'describejobs',
      (body): DescribeJobsResponse => {
        const known = parseRequest(DescribeJobsRequest, body).jobs.map((jobId) => queue.find(jobId));
        return { jobs: known.flatMap((job) => (job ? [describeJob(job, jobQueue, definition)] : [])) };
      },
    ],
    [
      'listjobs',
      (body): ListJobsResponse => {
        const request = parseRequest(ListJobsRequest, body);
        requireJobQueue(request.jobQueue, jobQueue);
        const { jobs, nextToken } = pageOfJobs(queue.list(), request);
        return { jobSummaryList: jobs.map((job) => summarizeJob(job, definition)), nextToken };
      },
    ],
    [
      'terminatejob',
      (body) => {
        const { jobId, reason } = parseRequest(EndJobRequest, body);
        queue.terminate(jobId, reason);
        return {};
      },
    ],
    [
      'canceljob',
      (body) => {
        const { jobId, reason } = parseRequest(EndJobRequest, body);
        queue.cancel(jobId, reason);
        return {};
      },
    ],
    [
      'describejobqueues',
      (body): DescribeJobQueuesResponse => {
        const { jobQueues = [jobQueue] } = parseRequest(DescribeJobQueuesRequest, body);
        const asked = jobQueues.some((reference) => isJobQueue(reference, jobQueue));
        return { jobQueues: asked ? [describeJobQueue(jobQueue)] : [] };
      },
    ],
    [
      'describejobdefinitions',
      (body): DescribeJobDefinitionsResponse => {
        const { jobDefinitions, jobDefinitionName, status } = parseRequest(
          DescribeJobDefinitionsRequest,
          body,
        );
        const references = jobDefinitions ?? [jobDefinitionName ?? definition.name];
        const asked = references.some((reference) => isJobDefinition(reference, definition));
        return {
          jobDefinitions:
            asked && (status ?? 'ACTIVE') === 'ACTIVE' ? [describeJobDefinition(definition)] : [],
        };
      },
    ],
    [
      'describecomputeenvironments',
      (body): DescribeComputeEnvironmentsResponse => {
        const { computeEnvironments } = parseRequest(DescribeComputeEnvironmentsRequest, body);
        const asked = computeEnvironments?.some(isComputeEnvironment) ?? true;
        return { computeEnvironments: asked ? [describeComputeEnvironment()] : [] };
      },
    ],
  ]);
}
