import { Console } from 'node:console';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { BatchClient, type JobDetail } from '@aws-sdk/client-batch';
import { openArtifacts } from '../core/artifacts.ts';
import { SettingsError } from '../core/errors.ts';
import { SECRET_VARIABLES, type Variables, WRITE_CREDENTIALS } from '../core/settings.ts';
import { jobDefinitionText } from '../statemachine/job.ts';
import { functionSubstitution } from '../statemachine/tasks.ts';
import { startBatch } from './batch/server.ts';
import { type RunningStack, takeDataFolder } from './data-folder.ts';
import { startDynamoDB } from './dynamodb.ts';
import {
  ACCOUNT_ID,
  applyEnvironment,
  awsVariables,
  JOB_DEFINITION,
  JOB_QUEUE,
  REGION,
  STATE_MACHINE,
  stackEnvironment,
  TABLE_PREFIX,
} from './environment.ts';
import { type GitHubOptions, startGitHub } from './github/server.ts';
import { requireFreePorts } from './loopback.ts';
import { startOfflineModel } from './model/offline.ts';
import { startStates } from './states/server.ts';
import { bundleWorker, workerCommand } from './worker-bundle.ts';
import { keepYoungGenerationSmall } from './young-generation.ts';

export type StackOptions = {
  /** Everything that lasts: tables, artifacts, executions, repositories, logs. One stack at a time. */
  dataFolder: string;
  /** The API's port; the others follow it. Free ones where it is absent. */
  port?: number;
  /** Settings that the user gave: environment and `.env`; none for a demonstration. */
  given: Variables;
  gitHub: 'local' | 'remote';
  /** How the local GitHub is to be: its tokens, apps, limits and faults. @default everything allowed, nothing limited */
  gitHubOptions?: Omit<GitHubOptions, 'dataFolder' | 'port'>;
  model: 'offline' | 'claude';
  /** Workers at once. */
  maxRunning: number;
  /** Whether other commands over the same data folder may use this stack. */
  shared: boolean;
  /**
   * Divides every wait of the state machine and of the schedules, for tests of what takes hours.
   * @default 1
   */
  timeScale?: number;
  /**
   * What Batch runs for a repository, with its `Ref::jobId` and `Ref::repositoryName`, for tests of what is around it.
   * @default - the worker
   */
  workerCommand?: string[];
};

export type Stack = RunningStack & {
  /** The variables with which the official AWS CLI and SDKs work on this stack. */
  awsVariables: Record<string, string>;
  /** Ends everything that was started; what was running goes on at the next start. */
  close(): Promise<void>;
};

/** However fast the clock: a schedule that never rests would measure nothing but itself. */
const MIN_SCHEDULE_MS = 250;

/** AWS on one machine: the services the product speaks to, the product's functions among them, and its HTTP API. */
export async function startStack(options: StackOptions): Promise<Stack> {
  keepYoungGenerationSmall();
  const folder = (name: string) => path.join(options.dataFolder, name);
  const data = await takeDataFolder(options.dataFolder);
  const closers: (() => Promise<void> | void)[] = [data.release];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
    closers.length = 0;
  };
  const port = (offset: number) => (options.port ? options.port + offset : 0);
  const temporaryFolder = folder('tmp');

  try {
    if (options.port) await requireFreePorts([0, 1, 2, 3, 4, 5].map(port));
    const dynamodb = await startDynamoDB({
      dataFolder: folder('dynamodb'),
      port: port(3),
      jobsTable: `${TABLE_PREFIX}-jobs`,
      repositoriesTable: `${TABLE_PREFIX}-repositories`,
    });
    closers.push(() => dynamodb.close());
    const gitHub =
      options.gitHub === 'local'
        ? await startGitHub({ ...options.gitHubOptions, dataFolder: folder('github'), port: port(4) })
        : undefined;
    if (gitHub) closers.push(() => gitHub.close());
    const model = options.model === 'offline' ? await startOfflineModel({ port: port(5) }) : undefined;
    if (model) closers.push(() => model.close());

    const endpoints = { dynamodb: dynamodb.url, states: '', batch: '' };
    const environment = () =>
      stackEnvironment({
        endpoints,
        artifactsFolder: folder('artifacts'),
        temporaryFolder,
        given: options.given,
        gitHubApiUrl: gitHub?.apiUrl,
        offlineModelUrl: model?.url,
      });

    const batchListeners: ((job: JobDetail) => void)[] = [];
    const command = options.workerCommand ?? [
      ...workerCommand(await bundleWorker(folder('worker'))),
      'Ref::jobId',
      'Ref::repositoryName',
    ];
    const batch = await startBatch({
      dataFolder: folder('batch'),
      port: port(2),
      jobQueue: JOB_QUEUE,
      maxRunning: options.maxRunning,
      jobDefinition: {
        name: JOB_DEFINITION,
        command,
        // Read at each start of a child: Batch's own endpoint is known only when it listens.
        get environment() {
          return {
            ...pick(environment(), (name) => !isWorkerSecret(name)),
            NODE_COMPILE_CACHE: folder('worker'),
          };
        },
        get secrets() {
          return pick(environment(), isWorkerSecret);
        },
        scratch: { folder: temporaryFolder, variable: 'TEMP_DIR' },
        attempts: 3,
        timeoutSeconds: 3600,
      },
      onJobStateChange: (job) => {
        for (const listener of batchListeners) listener(job);
      },
    });
    closers.push(() => batch.close());
    endpoints.batch = batch.url;

    const connection = { region: REGION, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
    const artifacts = openArtifacts(pathToFileURL(folder('artifacts')).href);
    const { invokeStep, stepFunctions, deliverExecutionEvent } = await import('./functions.ts');
    const states = await startStates({
      dataFolder: folder('states'),
      port: port(1),
      timeScale: options.timeScale,
      name: STATE_MACHINE,
      definition: jobDefinitionText(),
      substitutions: {
        JobsTable: `${TABLE_PREFIX}-jobs`,
        RepositoriesTable: `${TABLE_PREFIX}-repositories`,
        ArtifactsBucket: 'cody-batch-local-artifacts',
        JobQueue: JOB_QUEUE,
        JobDefinition: JOB_DEFINITION,
        ...Object.fromEntries(Object.keys(stepFunctions).map((name) => [functionSubstitution(name), name])),
      },
      region: REGION,
      accountId: ACCOUNT_ID,
      dynamodbUrl: dynamodb.url,
      batch: new BatchClient({ ...connection, endpoint: batch.url }),
      subscribeToBatch: (listener) => void batchListeners.push(listener),
      readObject: async (_bucket, key) => {
        const object = await artifacts.read(key);
        if (!object) throw new SettingsError(`The artifact ${key} does not exist.`);
        return object;
      },
      writeObject: (_bucket, key, body) => artifacts.write(key, body, { plain: true }),
      invokeFunction: invokeStep,
      onStatusChange: (event) => void deliverExecutionEvent(event),
    });
    closers.push(() => states.close());
    endpoints.states = states.url;

    applyEnvironment(environment());
    closers.push(await sendLogsTo(folder('logs')));
    const { handler } = await import('../lambdas/api/handler.ts');
    const { startApi } = await import('./api.ts');
    const api = await startApi(handler, { port: port(0) });
    closers.push(() => api.close());
    await states.resume();
    closers.push(await startSchedules(options.timeScale));
    const running = { api: api.url, gitHub: gitHub?.url, model: options.model };
    if (options.shared) data.announce(running);
    return { ...running, awsVariables: awsVariables(endpoints), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function isWorkerSecret(name: string): boolean {
  return SECRET_VARIABLES.includes(name);
}

/** The worker reads repositories and calls the model; what may write to GitHub is kept from it. */
function pick(variables: Record<string, string>, keep: (name: string) => boolean): Record<string, string> {
  const mayWrite = (name: string) => WRITE_CREDENTIALS.includes(name.replace(/_SECRET_ID$/, ''));
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !mayWrite(name) && keep(name)));
}

/** As EventBridge's schedules do; at the start too, for what an ended process had not come to. */
async function startSchedules(timeScale = 1): Promise<() => Promise<void>> {
  const { schedules } = await import('./functions.ts');
  const stops = schedules.map(({ seconds, run }) => {
    let running = run();
    let underway = true;
    const done = () => {
      underway = false;
    };
    void running.then(done);
    const timer = setInterval(
      () => {
        if (underway) return;
        underway = true;
        running = run();
        void running.then(done);
      },
      Math.max(MIN_SCHEDULE_MS, (seconds * 1000) / timeScale),
    );
    return async () => {
      clearInterval(timer);
      await running;
    };
  });
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

/** The functions log to a file, as on AWS they log to CloudWatch: the terminal belongs to the command. */
async function sendLogsTo(folder: string): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true });
  const file = createWriteStream(path.join(folder, 'functions.log'), { flags: 'a' });
  const { logger } = await import('../lambdas/logger.ts');
  Object.assign(logger, { console: new Console({ stdout: file, stderr: file }) });
  return async () => {
    file.end();
    await once(file, 'close');
  };
}
