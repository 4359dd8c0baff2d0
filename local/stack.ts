import { createHash } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BatchClient } from '@aws-sdk/client-batch';
import { SettingsError } from '../core/errors.ts';
import { parseExecutionName, WORKER_ARGUMENTS } from '../core/execution.ts';
import { openArtifacts } from '../core/store/artifacts.ts';
import { jobDefinitionText } from '../statemachine/job.ts';
import { functionSubstitution } from '../statemachine/tasks.ts';
import { bundleWorker, workerCommand } from '../worker/bundle.ts';
import type { Access } from './access/access.ts';
import { ACCESS_KEY_ID } from './access/access-key.ts';
import { requireFreePorts } from './access/loopback.ts';
import { startBatch } from './batch/server.ts';
import type { JobStateChangeEvent } from './batch/state-change.ts';
import { type RunningStack, takeDataFolder } from './data-folder.ts';
import { startDynamoDB } from './dynamodb/dynamodb.ts';
import { keepYoungGenerationSmall } from './dynamodb/young-generation.ts';
import {
  ACCOUNT_ID,
  applyEnvironment,
  awsVariables,
  JOB_QUEUE,
  REGION,
  STATE_MACHINE,
  stackEnvironment,
  tablesOf,
  WORKER_LOG_GROUP,
} from './environment.ts';
import { EventBus } from './event-bus.ts';
import { FUNCTIONS_LOG, sendLogsTo } from './function-logs.ts';
import { functionNames } from './function-names.ts';
import type { Functions } from './functions.ts';
import { startGitHub } from './github/server.ts';
import { JobChanges } from './job-changes.ts';
import { BatchLogs, removeLeftTemporaries } from './left-over.ts';
import { startLogs } from './logs/server.ts';
import { startOfflineModel } from './model/offline.ts';
import { startSchedules } from './schedules.ts';
import type { StackOptions } from './stack-options.ts';
import { startStates } from './states/server.ts';
import type { StatusChangeEvent } from './states/status-change.ts';
import { workerJobDefinitions } from './worker-job-definition.ts';

export type Stack = RunningStack & {
  /** The secret of the data folder, which the services need. */
  secret: string;
  /** The environment with which the official AWS CLI and SDKs work on this stack. */
  awsVariables: Record<string, string>;
  /** Ends everything that was started. Running jobs continue at the next start. */
  close(): Promise<void>;
};

/** Starts AWS on one machine: the services that the product calls, the product's functions, and its HTTP API. */
export async function startStack(options: StackOptions): Promise<Stack> {
  keepYoungGenerationSmall();
  const folder = (name: string) => path.join(options.dataFolder, name);
  const data = await takeDataFolder(options.dataFolder);
  const { secret } = data;
  const access = { secret, requireSecret: options.requireSecret ?? false };
  const closers: (() => Promise<void> | void)[] = [data.release];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
    closers.length = 0;
  };
  const port = (offset: number) => (options.port ? options.port + offset : 0);
  const { TEMP_DIR } = options.given;
  // A new folder below the given one, because its content is removed at every start.
  const temporaryFolder = TEMP_DIR ? path.join(TEMP_DIR, folderName(options.dataFolder)) : folder('tmp');
  const tables = tablesOf(options.given);

  try {
    if (options.port) await requireFreePorts([0, 1, 2, 3, 4, 5, 6].map(port));
    const jobChanges = new JobChanges();
    const dynamodb = await startDynamoDB({
      dataFolder: folder('dynamodb'),
      port: port(3),
      access,
      ...tables,
      onChange: (record) => jobChanges.put(record),
    });
    closers.push(() => dynamodb.close());
    const gitHub =
      options.gitHub === 'local'
        ? await startOwnGitHub(options, port(4), access, folder('github'))
        : undefined;
    if (gitHub) closers.push(() => gitHub.close());
    const model =
      options.model === 'offline' ? await startOfflineModel({ port: port(5), access }) : undefined;
    if (model) closers.push(() => model.close());

    const endpoints = { dynamodb: dynamodb.url, states: '', batch: '', logs: '' };
    const { elsewhere } = options;
    const environment = () => ({
      ...stackEnvironment({
        endpoints,
        secret,
        artifactsFolder: folder('artifacts'),
        temporaryFolder,
        given: options.given,
        gitHubApiUrl: gitHub?.apiUrl,
        gitHubHasCredentials: Boolean(options.gitHubOptions?.tokens ?? options.gitHubOptions?.apps),
        offlineModelUrl: model?.url,
      }),
      ...(elsewhere && { AWS_SESSION_TOKEN: '', ...elsewhere.variables }),
    });

    const batchListeners: ((event: JobStateChangeEvent) => void)[] = [];
    const command = options.workerCommand ?? [
      ...workerCommand(await bundleWorker(folder('worker'), { maps: false })),
      ...WORKER_ARGUMENTS,
    ];
    const batch = await startBatch({
      dataFolder: folder('batch'),
      port: port(2),
      access,
      jobQueue: JOB_QUEUE,
      maxRunning: options.maxRunning,
      jobDefinitions: workerJobDefinitions({
        command,
        environment,
        given: options.given,
        workerFolder: folder('worker'),
        temporaryFolder,
      }),
      onJobStateChange: (event) => {
        for (const listener of batchListeners) listener(event);
      },
    });
    closers.push(() => batch.close());
    endpoints.batch = batch.url;

    const accessKeyId = elsewhere?.accessKeyId ?? ACCESS_KEY_ID;
    const credentials = elsewhere
      ? { accessKeyId, secretAccessKey: 'elsewhere' }
      : { accessKeyId, secretAccessKey: secret, sessionToken: secret };
    const connection = { region: REGION, credentials };
    const artifacts = openArtifacts(elsewhere?.artifactsUrl ?? pathToFileURL(folder('artifacts')).href);
    const functions = await openFunctions(options, environment, closers);
    const events = new EventBus(functions.invokeListener);
    batchListeners.push((event) => events.put(event));
    const batchLogs = new BatchLogs(folder('batch/logs'));
    let cleaning = removeLeftTemporaries(
      ['artifacts', 'github', 'states', 'batch'].map(folder),
      performance.timeOrigin,
    ).catch(() => {});
    closers.push(() => cleaning);
    const states = await startStates({
      dataFolder: folder('states'),
      port: port(1),
      access,
      timeScale: options.timeScale,
      name: STATE_MACHINE,
      definition: jobDefinitionText(),
      substitutions: {
        JobsTable: tables.jobsTable,
        RepositoriesTable: tables.repositoriesTable,
        ArtifactsBucket: 'cody-batch-local-artifacts',
        JobQueue: JOB_QUEUE,
        ...Object.fromEntries(functions.steps.map((name) => [functionSubstitution(name), name])),
      },
      region: REGION,
      accountId: ACCOUNT_ID,
      dynamodbUrl: elsewhere?.dynamodbUrl ?? dynamodb.url,
      accessKeyId,
      dynamodbSecret: elsewhere ? undefined : secret,
      batch: new BatchClient({ ...connection, endpoint: elsewhere?.batchUrl ?? batch.url }),
      subscribeToBatch: (listener) => void batchListeners.push(({ detail }) => listener(detail)),
      readObject: async (_bucket, key) => {
        const object = await artifacts.read(key);
        if (!object) throw new SettingsError(`The artifact ${key} does not exist.`);
        return object;
      },
      writeObject: (_bucket, key, body) => artifacts.write(key, body, { plain: true }),
      invokeFunction: (name, payload) => functions.invokeStep(name, payload),
      onStatusChange: (event) => {
        events.put(event);
        const deleted = deletedJob(event);
        if (deleted === undefined) return;
        states.forget(`${deleted}-`);
        cleaning = cleaning.then(() => batchLogs.remove(deleted)).catch(() => {});
      },
    });
    closers.push(() => states.close());
    closers.push(() => events.close());
    endpoints.states = states.url;
    const logs = await startLogs({
      port: port(6),
      access,
      functionsFile: path.join(folder('logs'), FUNCTIONS_LOG),
      functionNames: functionNames(functions.steps),
      workerFolder: folder('batch/logs'),
      workerGroup: WORKER_LOG_GROUP,
    });
    closers.push(() => logs.close());
    endpoints.logs = logs.url;

    applyEnvironment(environment());
    closers.push(await sendLogsTo(folder('logs')));
    jobChanges.open((event) => functions.invokeListener('JobChanged', event));
    closers.push(() => jobChanges.close());
    const { startApi } = await import('./api.ts');
    const api = await startApi((event) => functions.answerApi(event), {
      port: port(0),
      access,
      onRequest: options.onRequest,
      page: options.page,
      downloads: { folder: folder('artifacts'), signingKey: secret },
    });
    closers.push(() => api.close());
    if (options.resumes ?? true) {
      await states.resume();
      closers.push(startSchedules((name) => functions.invokeListener(name, {}), options));
    }
    const running = { api: api.url, gitHub: gitHub?.url, model: options.model };
    if (options.shared) data.announce(running);
    return { ...running, secret, awsVariables: awsVariables(endpoints, secret), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts the local GitHub, at the wanted port if it is free. */
async function startOwnGitHub(options: StackOptions, fixed: number, access: Access, dataFolder: string) {
  const start = (port: number) => startGitHub({ ...options.gitHubOptions, dataFolder, port, access });
  if (fixed || !options.gitHubPort) return start(fixed);
  return start(options.gitHubPort).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') return start(0);
    throw error;
  });
}

/** The job that an execution has deleted. On AWS, executions and logs expire by themselves; here they do not. */
function deletedJob({ detail }: StatusChangeEvent): string | undefined {
  const run = parseExecutionName(detail.name);
  if (!run || detail.status !== 'SUCCEEDED' || JSON.parse(detail.input).action !== 'delete') return undefined;
  return run.jobId;
}

/** A name that differs for each data folder. */
function folderName(dataFolder: string): string {
  return `cody-batch-${createHash('sha256').update(path.resolve(dataFolder)).digest('hex').slice(0, 12)}`;
}

/** Loads the functions only when a stack starts, because other commands do not need them. */
async function openFunctions(
  { functions }: StackOptions,
  environment: () => Record<string, string>,
  closers: (() => Promise<void> | void)[],
): Promise<Functions> {
  if (!functions) return (await import('./functions.ts')).functionsHere;
  const elsewhere = await functions(environment);
  closers.push(() => elsewhere.close());
  return elsewhere;
}
