import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from '@jest/globals';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { type LocalGitHub, startGitHub } from '../../local/github/server.ts';
import { type MessageRequest, promptTexts } from '../../local/model/conversation.ts';
import type { Reply } from '../../local/model/reply.ts';
import { type DynamoDBProxy, startDynamoDBProxy } from './dynamodb-proxy.ts';
import { firstLine } from './first-line.ts';
import { COST_OF_USAGE, callTool, Fleet } from './fleet.ts';
import { freePorts } from './free-ports.ts';
import { type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { bundledWorker, PLAIN_ENVIRONMENT, stackProgram } from './stack.ts';
import type { TestStackOptions } from './start-stack.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';
import { repositoryOf } from './work-trees.ts';

export const NAMES = ['one', 'two', 'three'];
/** Two files, then the submission. */
const TURNS = 3;

/** A stack whose parts a drill can break: each is a process, a server or a disk of its own, and comes back at its old address. */
export class DrillStack {
  readonly fleet: Fleet;
  readonly proxy: DynamoDBProxy;
  readonly dataFolder: string;
  /** In place of an answer of the model. */
  interrupt: (request: MessageRequest) => Promise<Reply | undefined> | undefined;
  readonly #folder: { path: string; remove(): Promise<void> };
  readonly #options: TestStackOptions;
  readonly #gitHubPort: number;
  readonly #answered = new Map<string, number>();
  #gitHub: LocalGitHub;
  #child: ChildProcess;

  static async start(): Promise<DrillStack> {
    const folder = await temporaryFolder();
    const disk = path.join(folder.path, 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m,mode=0700', 'tmpfs', disk], { stdio: 'pipe' });
    const port = await freePorts(9);
    const gitHub = await openGitHub(folder.path, port + 8);
    let stack: DrillStack | undefined;
    const model = await startScriptedModel((request, _number, gone) => stack!.#answer(request, gone));
    const dataFolder = path.join(disk, 'data');
    const proxy = await startDynamoDBProxy(`http://127.0.0.1:${port + 3}`);
    const options: TestStackOptions = {
      ...{ dataFolder, port, gitHub: 'remote', model: 'claude', maxRunning: 3, shared: false, timeScale: 4 },
      given: {
        ...{ ANTHROPIC_API_KEY: 'sk-ant-not-a-real-key', ANTHROPIC_BASE_URL: model.url },
        ...{ GITHUB_API_URL: gitHub.apiUrl, GITHUB_TOKEN: 'a-token-of-the-drill', GITHUB_THROTTLE: 'false' },
        ...{ ALLOWED_REPOSITORIES: 'local/*', PULL_REQUESTS_PER_HOUR: '1000000' },
        ...{ DYNAMODB_ENDPOINT: proxy.url, CLAUDE_PATIENCE_SECONDS: '2', GIT_PATIENCE_SECONDS: '120' },
      },
      workerCommand: await bundledWorker(path.join(folder.path, 'worker')),
    };
    await register(folder.path, gitHub.url);
    const started = await launch(options, folder.path);
    const served = { ...started, gitHub: gitHub.url, dataFolder, close: async () => {} };
    stack = new DrillStack(Fleet.over(served, model), { folder, options, gitHub, port, proxy });
    return stack;
  }

  private constructor(
    fleet: Fleet,
    parts: {
      folder: Awaited<ReturnType<typeof temporaryFolder>>;
      options: TestStackOptions;
      gitHub: LocalGitHub;
      port: number;
      proxy: DynamoDBProxy;
    },
  ) {
    this.fleet = fleet;
    this.proxy = parts.proxy;
    this.dataFolder = parts.options.dataFolder;
    this.interrupt = () => undefined;
    this.#folder = parts.folder;
    this.#options = parts.options;
    this.#gitHub = parts.gitHub;
    this.#gitHubPort = parts.port + 8;
    this.#child = fleet.stack.child;
  }

  get model(): ScriptedModel {
    return this.fleet.model;
  }

  /** The file that has the milliseconds by which the stack's clock is ahead. */
  get clock(): string {
    return path.join(this.#folder.path, 'clock-ahead');
  }

  async #answer(request: MessageRequest, gone: AbortSignal): Promise<Reply> {
    const instead = await this.interrupt(request);
    if (instead) return instead;
    // The caller was killed: no answer is generated, and none is paid.
    if (gone.aborted) return { stall: true };
    const drill = drillOf(request);
    this.#answered.set(drill, (this.#answered.get(drill) ?? 0) + 1);
    const turn = request.messages.filter(({ role }) => role === 'assistant').length + 1;
    if (turn < TURNS)
      return callTool('write_file', { path: `${drill}-${turn}.txt`, content: `${drill} ${turn}\n` });
    return callTool('task_complete', {
      ...{ summary: 'Added files.', title: 'Add files', body: 'As asked.', wereChangesNecessary: true },
    });
  }

  /** Starts a job of all repositories that opens pull requests. */
  post(drill: string): Promise<string> {
    return this.fleet.post(NAMES, { prompt: `Add files (drill ${drill}).`, createPullRequests: true });
  }

  /** Waits until the model was asked about this drill, this often. */
  async asked(drill: string, times = 1): Promise<void> {
    const count = () => this.model.requests.filter(({ body }) => drillOf(body) === drill).length;
    await until(`${times} requests of ${drill}`, () => count() >= times);
  }

  answered(drill: string): number {
    return this.#answered.get(drill) ?? 0;
  }

  kill(signal: 'SIGKILL' | 'SIGINT' = 'SIGKILL'): Promise<unknown> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    return ended;
  }

  /** Starts the stack again if it has ended, and waits until the API answers. */
  async revive(): Promise<void> {
    await until('a healthy stack', async () => {
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (hasEnded) this.#child = (await launch(this.#options, this.#folder.path)).child;
      const health = await fetch(`${this.fleet.stack.api}/health`).catch(() => undefined);
      return health?.ok;
    });
  }

  /** Before a drill: an earlier one that failed may have left something broken. */
  async mend(): Promise<void> {
    this.interrupt = () => undefined;
    this.proxy.decide(() => 'answered');
    await rm(this.clock, { force: true });
    await this.revive();
  }

  gitHubDown(): Promise<void> {
    return this.#gitHub.close();
  }

  async gitHubUp(): Promise<void> {
    this.#gitHub = await openGitHub(this.#folder.path, this.#gitHubPort);
  }

  /** The lines that the functions logged, without the first `from`. */
  async logged(from = 0): Promise<string[]> {
    const text = await readFile(path.join(this.dataFolder, 'logs/functions.log'), 'utf8');
    return text.split('\n').slice(from, -1);
  }

  /** The lines that all workers logged. */
  async loggedByWorkers(): Promise<string[]> {
    const folder = path.join(this.dataFolder, 'batch/logs');
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(files.map((name) => readFile(path.join(folder, name), 'utf8')));
    return texts.flatMap((text) => text.split('\n'));
  }

  /**
   * Expects that nothing was lost and nothing doubled: each repository has its change and one pull request, and the bill is
   * what the model server answered. Returns a figure for the report.
   */
  async expectWhole(drill: string, jobId: string): Promise<string> {
    const job = await this.fleet.atRest(jobId);
    const rows = await this.fleet.rows(jobId);
    expect([drill, job.status, job.counts]).toEqual([
      drill,
      'completed',
      expect.objectContaining({ total: NAMES.length, completed: NAMES.length }),
    ]);
    for (const name of NAMES) {
      expect([drill, name, rows[name]]).toEqual([
        drill,
        name,
        expect.objectContaining({
          outcome: 'changed',
          pullRequest: expect.objectContaining({ state: 'open' }),
        }),
      ]);
      const answer = await fetch(`${this.#gitHub.apiUrl}/repos/local/${name}/pulls?state=all&per_page=100`);
      const pulls = (await answer.json()) as { head: { ref: string } }[];
      expect([drill, pulls.filter(({ head }) => head.ref === `cody-batch/${jobId}`).length]).toEqual([
        drill,
        1,
      ]);
    }
    const answers = this.answered(drill);
    expect([drill, job.costUsd]).toEqual([drill, expect.closeTo(answers * COST_OF_USAGE, 6)]);
    return `${answers} answers for ${NAMES.length * TURNS} turns`;
  }

  async close(): Promise<void> {
    await this.kill('SIGINT');
    await this.model.close();
    await this.proxy.close();
    await this.#gitHub.close();
    execFileSync('umount', ['--lazy', path.join(this.#folder.path, 'disk')]);
    await this.#folder.remove();
  }
}

export function drillOf(request: MessageRequest): string {
  return /\(drill ([a-z-]+)\)/.exec(promptTexts(request).join('\n'))![1]!;
}

/** Whether a disk can be mounted here, which the drills need. */
export async function canMount(): Promise<boolean> {
  const folder = await temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder.path], { stdio: 'pipe' });
    execFileSync('umount', [folder.path]);
    return true;
  } catch {
    return false;
  } finally {
    await folder.remove();
  }
}

async function launch(options: TestStackOptions, folder: string) {
  const clock = pathToFileURL(path.join(import.meta.dirname, 'clock-ahead.mjs')).href;
  const child = spawn(process.execPath, [...(await stackProgram()), JSON.stringify(options)], {
    env: {
      ...PLAIN_ENVIRONMENT,
      NODE_OPTIONS: `--import=${clock}`,
      CLOCK_AHEAD: path.join(folder, 'clock-ahead'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await firstLine(child, 'The stack');
  return { ...(JSON.parse(line) as { api: string; awsVariables: Record<string, string> }), child };
}

function openGitHub(folder: string, port: number): Promise<LocalGitHub> {
  return startGitHub({ access: 'anyone', dataFolder: path.join(folder, 'github'), port });
}

async function register(folder: string, gitHubUrl: string): Promise<void> {
  const trees = NAMES.map((name) => path.join(folder, 'trees', name));
  for (const tree of trees) await repositoryOf(tree, { 'name.txt': `${path.basename(tree)}\n` });
  await registerWorkTrees(await Promise.all(trees.map(inspectWorkTree)), gitHubUrl);
}
