import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { BatchClient, type JobSummary, paginateListJobs } from '@aws-sdk/client-batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeExecutionCommand, ExecutionDoesNotExist, SFNClient } from '@aws-sdk/client-sfn';
import { DynamoDBDocumentClient, GetCommand, paginateQuery, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { isRunning } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import type { RunRecord } from '../../core/run-record.ts';
import type { Thread, ThreadTurn } from '../../core/thread.ts';
import type { MessageRequest } from '../../local/model/conversation.ts';
import type { Answer, Reply } from '../../local/model/reply.ts';
import { LOCAL_AWS } from './aws-clients.ts';
import { endOfJob, type JobWithResults } from './end-of-job.ts';
import { descendantsOf, type Process, processes } from './process-tree.ts';
import { type Script, type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { type ServedStack, startStackProcess } from './stack.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';
import { repositoryOf } from './work-trees.ts';

export type Answered = {
  status: number;
  json: JobWithResults & { runs: RunRecord[]; detail?: string; errors?: unknown[] };
};

/** A stack as a process, a model that plays a script, and small repositories `local/{name}`. */
export class Fleet {
  readonly stack: ServedStack;
  readonly model: ScriptedModel;
  readonly sfn: SFNClient;
  readonly batch: BatchClient;
  readonly #rows: DynamoDBDocumentClient;
  readonly #removeFolder: () => Promise<void>;

  /** Uses a stack that the test has started; `close` ends it. */
  static over(stack: ServedStack, model: ScriptedModel): Fleet {
    return new Fleet(stack, model, async () => {});
  }

  private constructor(stack: ServedStack, model: ScriptedModel, removeFolder: () => Promise<void>) {
    this.stack = stack;
    this.model = model;
    this.#removeFolder = removeFolder;
    const { awsVariables } = stack;
    const client = (service: string) => ({
      ...LOCAL_AWS,
      endpoint: awsVariables[`AWS_ENDPOINT_URL_${service}`]!,
    });
    this.sfn = new SFNClient(client('SFN'));
    this.batch = new BatchClient(client('BATCH'));
    this.#rows = DynamoDBDocumentClient.from(new DynamoDBClient(client('DYNAMODB')));
  }

  static async start(options: {
    /** The answers of the model. With `workerCommand` the model is never asked. */
    script?: Script;
    names: string[];
    /** Another worker, such as `quickWorker()`. */
    workerCommand?: string[];
    /** Concurrent workers. */
    concurrency?: number;
    timeScale?: number;
    settings?: Record<string, string>;
    /** Makes the repository of a name. @default one file that has the name */
    make?: (name: string, folder: string) => Promise<unknown>;
  }): Promise<Fleet> {
    const folder = await temporaryFolder();
    const { script = () => ({ stall: true }) } = options;
    const model = await startScriptedModel(script);
    const environment = { ANTHROPIC_API_KEY: 'sk-ant-not-a-real-key', ANTHROPIC_BASE_URL: model.url };
    const stack = await startStackProcess({
      model: 'claude',
      ...(options.workerCommand && { workerCommand: options.workerCommand }),
      ...(options.timeScale && { timeScale: options.timeScale }),
      ...(options.concurrency && { maxRunning: options.concurrency }),
      given: { ...environment, ...options.settings },
    });
    const trees = options.names.map((name) => path.join(folder.path, name));
    const { make = (name, tree) => repositoryOf(tree, { 'name.txt': `${name}\n` }) } = options;
    await Promise.all(trees.map((tree) => make(path.basename(tree), tree)));
    await registerWorkTrees(await Promise.all(trees.map(inspectWorkTree)), stack.gitHub);
    return new Fleet(stack, model, folder.remove);
  }

  async close(): Promise<void> {
    await this.stack.close();
    await this.model.close();
    await this.#removeFolder();
  }

  async call(method: string, route: string, body?: object, headers: object = {}): Promise<Answered> {
    const response = await fetch(`${this.stack.api}${route}`, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: (text ? JSON.parse(text) : undefined) as Answered['json'] };
  }

  /** Like `call`, for answers that may have no body. */
  async send(method: string, route: string, body?: object, headers: object = {}): Promise<Answered> {
    const response = await fetch(`${this.stack.api}${route}`, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) } as Answered;
  }

  /** All items of a job in both tables. */
  async itemsOf(jobId: string): Promise<Record<string, unknown>[]> {
    const TableName = 'cody-batch-local-jobs';
    const keys = [jobId, `${jobId}#control`, `pacing#${jobId}`];
    const ofJob = await Promise.all(
      keys.map((key) =>
        this.#rows.send(new GetCommand({ TableName, Key: { jobId: key }, ConsistentRead: true })),
      ),
    );
    const { Items = [] } = await this.#rows.send(
      new QueryCommand({
        TableName: 'cody-batch-local-repositories',
        KeyConditionExpression: 'jobId = :jobId',
        ExpressionAttributeValues: { ':jobId': jobId },
      }),
    );
    return [...ofJob.flatMap(({ Item }) => Item ?? []), ...Items];
  }

  /** Starts a job on these repositories, and returns its jobId. */
  async post(names: readonly string[], request: object = {}): Promise<string> {
    const repositories = names.map((name) => `local/${name}`);
    const { status, json } = await this.call('POST', '/jobs', { prompt: 'Edit.', repositories, ...request });
    if (status !== 201) throw new Error(`POST /jobs answered ${status}: ${JSON.stringify(json)}`);
    return json.jobId;
  }

  async job(jobId: string): Promise<JobWithResults> {
    return (await this.call('GET', `/jobs/${jobId}?limit=1000`)).json;
  }

  ended(jobId: string, withinMs?: number): Promise<JobWithResults> {
    return endOfJob(this.stack.api, jobId, { limit: 1000, withinMs });
  }

  /** Waits until all repositories have ended, since those of a cancelled job end in the background; returns the job. */
  atRest(jobId: string, withinMs?: number): Promise<JobWithResults> {
    const rest = async () => {
      const job = await this.job(jobId);
      const { pending, processing } = job.counts;
      return !isRunning(job.status) && pending + processing === 0 ? job : undefined;
    };
    return until(`the rest of ${jobId}`, rest, withinMs);
  }

  /** The usage of each reply in the conversations of these repositories, by the technical view. */
  async turns(jobId: string, names: readonly string[]): Promise<ThreadTurn[][]> {
    return Promise.all(
      names.map(async (name) => {
        const route = `/jobs/${jobId}/repositories/local/${name}/claude-thread?view=technical`;
        const { json } = await this.call('GET', route);
        return (json as unknown as Thread).turns;
      }),
    );
  }

  /** The rows in DynamoDB, by the names after `local/`. */
  async rows(jobId: string): Promise<Record<string, RepositoryResult>> {
    const pages = paginateQuery(
      { client: this.#rows },
      {
        TableName: 'cody-batch-local-repositories',
        KeyConditionExpression: 'jobId = :jobId',
        ExpressionAttributeValues: { ':jobId': jobId },
      },
    );
    const rows: Record<string, RepositoryResult> = {};
    for await (const { Items = [] } of pages) {
      for (const row of Items as RepositoryResult[])
        if (!row.repositoryName.includes('#')) rows[row.repositoryName.replace('local/', '')] = row;
    }
    return rows;
  }

  /** The control item of the job. */
  async control(jobId: string): Promise<{ stoppedBy?: string; reservedUsd?: number } | undefined> {
    const { Item } = await this.#rows.send(
      new GetCommand({ TableName: 'cody-batch-local-jobs', Key: { jobId: `${jobId}#control` } }),
    );
    return Item;
  }

  async batchJobs(jobId: string): Promise<JobSummary[]> {
    const jobs: JobSummary[] = [];
    const filters = [{ name: 'JOB_NAME', values: [`${jobId}-*`] }];
    const query = { jobQueue: 'cody-batch-local-job-queue', filters };
    for await (const page of paginateListJobs({ client: this.batch }, query))
      jobs.push(...(page.jobSummaryList ?? []));
    return jobs;
  }

  executionArn(jobId: string, run = 1): string {
    return `arn:aws:states:us-east-1:000000000000:execution:cody-batch-local-job:${jobId}-${run}`;
  }

  /** The status of a run's execution; undefined if it was never started. */
  async execution(jobId: string, run = 1): Promise<string | undefined> {
    return (await this.executionOf(`${jobId}-${run}`))?.status;
  }

  /** The execution of this name; undefined if there is none. */
  async executionOf(name: string) {
    try {
      const executionArn = `arn:aws:states:us-east-1:000000000000:execution:cody-batch-local-job:${name}`;
      return await this.sfn.send(new DescribeExecutionCommand({ executionArn }));
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return undefined;
      throw error;
    }
  }

  /** The worker processes of a job, anywhere in the process tree. */
  workers(jobId: string): Process[] {
    return processes().filter(({ command }) => command.includes('worker.mjs') && command.includes(jobId));
  }

  /** All running descendants of the stack's process. */
  descendants(): Process[] {
    return descendantsOf(this.stack.child.pid!);
  }

  temporaryFolders(): Promise<string[]> {
    return readdir(path.join(this.stack.dataFolder, 'tmp'));
  }
}

/** The repository of a request: the name after `local/` in its first message. */
export function repositoryOfRequest({ messages }: MessageRequest): string {
  return /local\/([\w-]+)/.exec(JSON.stringify(messages[0]))![1]!;
}

/** 1,000 tokens in and 200 out: $0.004 of claude-sonnet-5-5. */
export const USAGE = { input_tokens: 1000, output_tokens: 200 };
export const COST_OF_USAGE = 0.004;

export function callTool(name: string, input: object): Answer {
  return { usage: USAGE, content: [{ type: 'tool_use', name, input }] };
}

/** Writes a file, then submits: two answers. */
export function writeAndSubmit({ messages }: MessageRequest): Reply {
  if (messages.length === 1) return callTool('write_file', { path: 'b.txt', content: 'two\n' });
  return callTool('task_complete', {
    summary: 'Added a file.',
    title: 'Add a file',
    body: 'As asked.',
    wereChangesNecessary: true,
  });
}
