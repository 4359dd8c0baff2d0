import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text as allText } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import {
  type JobRow,
  type JobSettings,
  newJobId,
  type PullRequestSettings,
  parseRepositoryName,
} from '../../core/job.ts';
import { OutcomeDocument } from '../../core/outcome.ts';
import { defaultJobSettings, parseSettings } from '../../core/settings.ts';
import type { ArtifactStore } from '../../core/store/artifact-store.ts';
import { openArtifacts } from '../../core/store/artifacts.ts';
import { JobControl } from '../../core/store/job-control.ts';
import { JobTable } from '../../core/store/job-table.ts';
import { RepositoryTable } from '../../core/store/repository-table.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import { writeRunRequest } from '../../core/store/run-requests.ts';
import { JOBS_TABLE, openDynamoDB, REPOSITORIES_TABLE } from '../../core/store/tables.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { readRefFile } from '../../local/github/objects/ref-files.ts';
import { startGitHub } from '../../local/github/server.ts';
import type { ReplyBlock } from '../../local/model/reply.ts';
import { LOCAL_AWS } from './aws-clients.ts';
import { compileCache } from './compile-cache.ts';
import { importTrees, type RawFile, type RawTree, text } from './import-trees.ts';
import { type Script, type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { sharedWorkerBundle } from './worker-bundle.ts';

const run = promisify(execFile);
const projectFolder = path.resolve(import.meta.dirname, '../..');

/** A file of a repository: text, bytes, an executable text, or a symbolic link. */
export type TestFile = string | Buffer | { executable: string } | { link: string };

export type Finished = { exitCode: number | null; log: string; model: ScriptedModel };

/** Everything around a worker, real and on loopback: GitHub, DynamoDB, artifacts; the model plays a script. */
export class Stack {
  /** The worker's entry: its source, or a bundle. */
  entry = path.join(projectFolder, 'worker/main.ts');
  readonly folder: string;
  readonly tempDir: string;
  readonly artifacts: ArtifactStore;
  readonly jobs: JobTable;
  readonly control: JobControl;
  readonly rows: RepositoryTable;
  readonly #github: Awaited<ReturnType<typeof startGitHub>>;
  /** The environment of a worker, all but the model. */
  readonly environment: Record<string, string>;
  /** The command that starts a worker, if it is not Node.js with `entry`. */
  workerCommand: string[] | undefined;
  readonly #close: (() => Promise<unknown>)[];
  readonly #repositories = new Map<Record<string, TestFile>, Promise<string>>();

  private constructor(
    folder: string,
    github: Stack['github'],
    dynamoDbUrl: string,
    close: (() => Promise<unknown>)[],
  ) {
    this.folder = folder;
    this.tempDir = path.join(folder, 'tmp');
    this.#github = github;
    this.#close = close;
    this.environment = {
      PATH: process.env.PATH!,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      DYNAMODB_ENDPOINT: dynamoDbUrl,
      ARTIFACTS_URL: pathToFileURL(path.join(folder, 'artifacts')).href,
      GITHUB_API_URL: github.apiUrl,
      CLAUDE_API_KEY: 'test-claude-key-0123456789',
      ALLOWED_REPOSITORIES: '*/*',
      GITHUB_TOKEN: 'test-github-token-0123456789',
      TEMP_DIR: this.tempDir,
      ...compileCache(),
    };
    // The tables of this process find their credentials as the worker's do.
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) process.env[name] = 'local';
    const settings = parseSettings(this.environment);
    this.artifacts = openArtifacts(this.environment.ARTIFACTS_URL!);
    const dynamoDB = openDynamoDB(settings);
    this.jobs = new JobTable(dynamoDB, settings);
    this.control = new JobControl(dynamoDB, settings);
    this.rows = new RepositoryTable(dynamoDB, settings);
  }

  get github() {
    return this.#github;
  }

  /** Workers run the bundle, which is made once for all files of a run and starts in half the time, or their source. */
  static async start({ bundled = true } = {}): Promise<Stack> {
    const folder = await mkdtemp(path.join(tmpdir(), 'worker-test-'));
    const database = dynalite({ createTableMs: 0 });
    database.listen(0, '127.0.0.1');
    await once(database, 'listening');
    const dynamoDbUrl = `http://127.0.0.1:${(database.address() as AddressInfo).port}`;
    const github = await startGitHub({ access: 'anyone', dataFolder: path.join(folder, 'github') });
    const stack = new Stack(folder, github, dynamoDbUrl, [
      () => github.close(),
      () => closeServer(database),
      () => rm(folder, { recursive: true, force: true }),
    ]);
    await createTables(dynamoDbUrl);
    if (bundled) stack.entry = await sharedWorkerBundle();
    return stack;
  }

  async close(): Promise<void> {
    for (const close of this.#close) await close();
  }

  /** Creates `owner/name` with one commit of these files, or empty without any. */
  async createRepository(name: string, files: Record<string, TestFile>): Promise<void> {
    const { owner, name: repository } = parseRepositoryName(name);
    const created = await fetch(`${this.#github.apiUrl}/orgs/${owner}/repos`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: repository }),
    });
    if (!created.ok) throw new Error(`creating ${name}: ${await created.text()}`);
    if (Object.keys(files).length > 0) await this.push(name, files, 'first');
  }

  /** The bare repository on the server. */
  bareOf(name: string): string {
    return path.join(this.folder, 'github', `${name}.git`);
  }

  /** Commits these files, byte for byte, on top of nothing, or of what the repository has. */
  async push(name: string, files: Record<string, TestFile>, message: string): Promise<void> {
    const bare = this.bareOf(name);
    const parent = await readRefFile(bare, 'refs/heads/main');
    await importTrees(bare, { main: rawTree(files) }, { message, parent });
  }

  /** Replaces the history by one commit of these files; the old commits can no longer be fetched. */
  async overwrite(name: string, files: Record<string, TestFile>): Promise<void> {
    const bare = this.bareOf(name);
    await importTrees(bare, { main: rawTree(files) }, { message: 'overwritten' });
    await run('git', ['-C', bare, 'gc', '--quiet', '--prune=now']);
  }

  /** Clones afresh, for a test to look at. */
  async checkout(name: string): Promise<string> {
    const folder = await mkdtemp(path.join(this.folder, 'checkout-'));
    await run('git', ['clone', '--quiet', `${this.#github.url}/${name}.git`, folder]);
    return folder;
  }

  async createJob(
    names: readonly string[],
    given: {
      prompt?: string;
      settings?: Partial<JobSettings>;
      maxCostUsd?: number;
      maxConcurrency?: number;
      createPullRequests?: boolean;
      pullRequest?: PullRequestSettings;
    } = {},
  ): Promise<string> {
    const jobId = newJobId();
    const at = new Date().toISOString();
    const counts = {
      total: names.length,
      pending: names.length,
      processing: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
    };
    const job: JobRow = {
      ...{ jobId, name: 'test', type: 'code-pattern-update', maxRepositories: 100 },
      ...{ maxConcurrency: given.maxConcurrency ?? 1, maxCostUsd: given.maxCostUsd ?? 50 },
      createPullRequests: given.createPullRequests ?? false,
      ...(given.pullRequest && { pullRequest: given.pullRequest }),
      ...{
        run: 1,
        action: 'analyze',
        status: 'processing',
        counts,
        tokenUsage: NO_TOKENS,
        createdAt: at,
        updatedAt: at,
      },
      settings: { ...defaultJobSettings(parseSettings(this.environment)), ...given.settings },
    };
    const { action, settings, maxCostUsd } = job;
    const prompt = given.prompt ?? 'Make the change.';
    const asked = { kind: 'create' as const, action, settings, maxCostUsd, prompt, requestedAt: at };
    job.request = await writeRunRequest(this.artifacts, jobId, asked);
    await this.jobs.create(job);
    await this.rows.createPending(jobId, names, at);
    return jobId;
  }

  /** Starts the worker with a model that plays `script`. */
  async startWorker(
    args: readonly string[],
    script: Script,
    environment: Record<string, string> = {},
  ): Promise<{ child: ChildProcess; finished: Promise<Finished>; model: ScriptedModel }> {
    const model = await startScriptedModel(script);
    const [program, ...first] = this.workerCommand ?? [process.execPath, this.entry];
    const child = spawn(program!, [...first, ...args], {
      cwd: projectFolder,
      env: { ...this.environment, ANTHROPIC_BASE_URL: model.url, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = Promise.all([allText(child.stdout!), allText(child.stderr!)]);
    const finished = once(child, 'close').then(async ([exitCode]) => {
      await model.close();
      return { exitCode: exitCode as number | null, log: (await output).join(''), model };
    });
    return { child, finished, model };
  }

  async work(
    args: readonly string[],
    script: Script,
    environment?: Record<string, string>,
  ): Promise<Finished> {
    return (await this.startWorker(args, script, environment)).finished;
  }

  async outcome(jobId: string, name: string): Promise<OutcomeDocument | undefined> {
    const body = await this.artifacts.read(runArtifactKeys({ jobId, repositoryName: name, run: 1 }).outcome);
    return body && OutcomeDocument.parse(JSON.parse(body.toString()));
  }

  /** One repository serves every analysis of the same object: workers only read it. */
  #repositoryOf(files: Record<string, TestFile>): Promise<string> {
    const name = `acme/repo-${this.#repositories.size + 1}`;
    const made = this.#repositories.get(files) ?? this.createRepository(name, files).then(() => name);
    this.#repositories.set(files, made);
    return made;
  }

  /** Creates a job for a repository with these files, and works on it. Expects an outcome. */
  async analyze(
    files: Record<string, TestFile>,
    script: Script,
    job: Parameters<Stack['createJob']>[1] & { environment?: Record<string, string> } = {},
  ): Promise<Finished & { outcome: OutcomeDocument; jobId: string; name: string }> {
    const name = await this.#repositoryOf(files);
    const jobId = await this.createJob([name], job);
    const finished = await this.work([jobId, name], script, job.environment);
    const outcome = await this.outcome(jobId, name);
    if (finished.exitCode !== 0 || !outcome) throw new Error(`exit ${finished.exitCode}: ${finished.log}`);
    return { ...finished, outcome, jobId, name };
  }

  /** The files that workers left behind; tests expect none. */
  async leftovers(): Promise<string[]> {
    return readdir(this.tempDir).catch(() => []);
  }
}

/** A call of a tool, as the script's model makes it. */
export function call(name: string, input: unknown): ReplyBlock {
  return { type: 'tool_use', name, input };
}

export function calls(...content: ReplyBlock[]): { content: ReplyBlock[] } {
  return { content };
}

export const SUBMISSION = {
  summary: 'Did it.',
  title: 'Do it',
  body: 'It is done.',
  wereChangesNecessary: true,
};

export const submit = calls(call('task_complete', SUBMISSION));

export const submitUnchanged = calls(
  call('task_complete', { summary: 'Nothing to do.', title: '', body: '', wereChangesNecessary: false }),
);

function rawTree(files: Record<string, TestFile>): RawTree {
  const raw = (file: TestFile): RawFile => {
    if (typeof file === 'string' || Buffer.isBuffer(file)) return text(file);
    return 'link' in file
      ? { mode: '120000', bytes: Buffer.from(file.link) }
      : text(file.executable, '100755');
  };
  return new Map(
    Object.entries(files).map(([name, file]) => [Buffer.from(name).toString('latin1'), raw(file)]),
  );
}

/** The bytes of every file below the folder, as latin1. */
export function filesBelow(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}

async function createTables(endpoint: string): Promise<void> {
  const client = new DynamoDBClient({ ...LOCAL_AWS, endpoint });
  for (const [name, shape] of [
    ['jobs', JOBS_TABLE],
    ['repositories', REPOSITORIES_TABLE],
  ] as const) {
    await client.send(
      new CreateTableCommand({
        TableName: `cody-batch-dev-${name}`,
        BillingMode: 'PAY_PER_REQUEST',
        ...shape,
      }),
    );
  }
  client.destroy();
}

function closeServer(server: http.Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}
