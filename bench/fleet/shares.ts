import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BatchClient, DescribeJobsCommand } from '@aws-sdk/client-batch';
import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import type { JobWithResults } from '../../cli/connect/api-client.ts';
import { openArtifacts, readArtifact } from '../../core/store/artifacts.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import { Thread } from '../../core/thread.ts';
import { REGION } from '../../local/environment.ts';
import { type GitRun, millisecondsCovered } from './git-shim.ts';
import type { ServedStack } from './served-stack.ts';

/** The parts of one repository's wall time, in seconds. `total` excludes the wait in the Batch queue. */
export type Shares = {
  total: number;
  /** From the start of the process to the worker's first line. */
  nodeStart: number;
  git: number;
  model: number;
  /** The rest of the worker: rows, checkpoints, artifacts, tools, removal of the clone. */
  worker: number;
  /** The state machine and Batch. */
  steps: number;
};

/** Reads the times of a job's repositories from executions, Batch jobs, threads and logs. */
export async function readShares(
  job: JobWithResults,
  stack: ServedStack,
  dataFolder: string,
  gitRuns: ReadonlyMap<string, GitRun[]>,
): Promise<Shares[]> {
  const connection = { region: REGION, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  const states = new SFNClient({ ...connection, endpoint: stack.endpoints.states });
  const batch = new BatchClient({ ...connection, endpoint: stack.endpoints.batch });
  const artifacts = openArtifacts(pathToFileURL(path.join(dataFolder, 'artifacts')).href);
  const shares: Shares[] = [];
  for (const child of await childExecutions(states, job.executionArn!)) {
    const { repositoryName } = JSON.parse(child.input!) as { repositoryName: string };
    const attempt = await attemptOf(batch, stack.api, job.jobId, repositoryName);
    const keys = runArtifactKeys({ jobId: job.jobId, repositoryName, run: 1 });
    const thread = await readArtifact(artifacts, keys.thread, Thread);
    const log = (await artifacts.read(keys.log))!.toString();
    const { timestamp } = JSON.parse(log.slice(0, log.indexOf('\n'))) as { timestamp: string };
    const { createdAt, startedAt, stoppedAt } = attempt;

    const total = child.stopDate!.getTime() - child.startDate!.getTime() - (startedAt - createdAt);
    const nodeStart = Date.parse(timestamp) - startedAt;
    const git = millisecondsCovered(gitRuns.get(repositoryName)!);
    const model = thread.turns.reduce((sum, { seconds }) => sum + seconds * 1000, 0);
    const inWorker = stoppedAt - startedAt;
    const worker = inWorker - nodeStart - git - model;
    const steps = total - inWorker;
    shares.push(inSeconds({ total, nodeStart, git, model, worker, steps }));
  }
  states.destroy();
  batch.destroy();
  return shares;
}

async function childExecutions(client: SFNClient, executionArn: string) {
  const { mapRuns } = await client.send(new ListMapRunsCommand({ executionArn }));
  const { mapRunArn } = mapRuns!.find(({ mapRunArn }) => mapRunArn!.includes('AnalyzeRepositories'))!;
  const { executions } = await client.send(new ListExecutionsCommand({ mapRunArn, maxResults: 1000 }));
  return Promise.all(
    executions!.map(({ executionArn }) => client.send(new DescribeExecutionCommand({ executionArn }))),
  );
}

async function attemptOf(
  client: BatchClient,
  api: string,
  jobId: string,
  repositoryName: string,
): Promise<{ createdAt: number; startedAt: number; stoppedAt: number }> {
  const response = await fetch(`${api}/jobs/${jobId}/repositories/${repositoryName}`);
  const { batchJobId } = (await response.json()) as { batchJobId: string };
  const { jobs } = await client.send(new DescribeJobsCommand({ jobs: [batchJobId] }));
  const { createdAt, startedAt, stoppedAt } = jobs![0]!;
  return { createdAt: createdAt!, startedAt: startedAt!, stoppedAt: stoppedAt! };
}

function inSeconds(milliseconds: Shares): Shares {
  return Object.fromEntries(
    Object.entries(milliseconds).map(([name, value]) => [name, value / 1000]),
  ) as Shares;
}
