import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  GetExecutionHistoryCommand,
  ListMapRunsCommand,
  paginateListExecutions,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { Octokit } from '@octokit/rest';
import type { ChangedFile, ChangeSet } from '../../core/change-set.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { countsOf, type Job, type JobRow, newJobId, type PullRequestSettings } from '../../core/job.ts';
import type { RepositoryResult, RepositorySummary } from '../../core/repository-result.ts';
import { defaultJobSettings, parseSettings } from '../../core/settings.ts';
import { pullRequestKey } from '../../core/store/repository-table.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import type { StackOptions } from '../../local/stack-options.ts';
import { LOCAL_AWS } from './aws-clients.ts';
import { endOfJob } from './end-of-job.ts';
import { git } from './git.ts';
import { type Invocation, invokeAt } from './invocation.ts';
import { type ServedStack, startStackProcess } from './stack.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { initWorkTree } from './work-trees.ts';

export const AT = '2026-01-02T03:04:05.000Z';

/** A repository with a recorded analysis: the base of its change, and the change. */
export type Recorded = {
  /** The name after `local/`. */
  name: string;
  baseSha: string;
  files: ChangedFile[];
  /** @default main */
  baseBranch?: string;
  title?: string;
  body?: string;
  row?: Partial<RepositoryResult>;
};

export type Answer = {
  status: number;
  json: Job & { results: RepositorySummary[]; detail: string; errors?: unknown[]; type: string };
};

/** A changed text file. */
export function text(file: string, content: string, status: 'added' | 'modified' = 'modified'): ChangedFile {
  return { status, path: file, mode: '100644', content: Buffer.from(content).toString('base64') };
}

/** A stack whose analyses the test records itself, so that only publishing runs. */
export class Publishing {
  readonly stack: ServedStack;
  readonly github: Octokit;
  readonly sfn: SFNClient;
  readonly #folder: { path: string; remove(): Promise<void> };
  readonly #rows: DynamoDBDocumentClient;
  readonly #token: string | undefined;

  private constructor(
    stack: ServedStack,
    folder: { path: string; remove(): Promise<void> },
    token: string | undefined,
  ) {
    this.stack = stack;
    this.#folder = folder;
    this.#token = token;
    this.github = new Octokit({
      baseUrl: `${stack.gitHub}/api/v3`,
      log: SILENT,
      ...(token && { auth: token }),
    });
    const client = (service: string) => ({
      ...LOCAL_AWS,
      endpoint: stack.awsVariables[`AWS_ENDPOINT_URL_${service}`]!,
    });
    this.sfn = new SFNClient(client('SFN'));
    this.#rows = DynamoDBDocumentClient.from(new DynamoDBClient(client('DYNAMODB')), {
      marshallOptions: { removeUndefinedValues: true },
    });
  }

  /** `token` is the owner's, for a local GitHub that checks tokens. */
  static async start(options: Partial<StackOptions> = {}, token?: string): Promise<Publishing> {
    const stack = await startStackProcess({
      ...{ given: {}, gitHub: 'local', model: 'offline', maxRunning: 1, shared: false },
      workerCommand: ['/bin/false'],
      ...options,
    });
    return new Publishing(stack, await temporaryFolder(), token);
  }

  async close(): Promise<void> {
    this.sfn.destroy();
    this.#rows.destroy();
    await this.stack.close();
    await this.#folder.remove();
  }

  /** Creates a repository with these files on the local GitHub as `local/{name}`; returns its first commit. */
  async addRepository(name: string, files: Record<string, string | Buffer>): Promise<string> {
    // GitHub takes objects only where there is a commit.
    await this.github.rest.repos.createInOrg({ org: 'local', name, auto_init: true });
    return this.#commit(name, files, 'Initial');
  }

  /** Commits these files on `main` of the local GitHub; returns the commit. */
  async commit(name: string, files: Record<string, string>): Promise<string> {
    const { data } = await this.github.rest.git.getRef({ owner: 'local', repo: name, ref: 'heads/main' });
    return this.#commit(name, files, 'Meanwhile', data.object.sha);
  }

  /** By the API and not by a push, which takes a dozen processes. */
  async #commit(
    name: string,
    files: Record<string, string | Buffer>,
    message: string,
    parent?: string,
  ): Promise<string> {
    const place = { owner: 'local', repo: name };
    const { git: objects } = this.github.rest;
    const entry = async ([file, content]: [string, string | Buffer]) => {
      const blob = { path: file, mode: '100644', type: 'blob' } as const;
      if (typeof content === 'string') return { ...blob, content };
      const encoded = { content: content.toString('base64'), encoding: 'base64' };
      return { ...blob, sha: (await objects.createBlob({ ...place, ...encoded })).data.sha };
    };
    const tree = await objects.createTree({
      ...place,
      ...(parent && { base_tree: parent }),
      tree: await Promise.all(Object.entries(files).map(entry)),
    });
    const parents = parent ? [parent] : [];
    const { data } = await objects.createCommit({ ...place, message, tree: tree.data.sha, parents });
    await objects.updateRef({ ...place, ref: 'heads/main', sha: data.sha, force: !parent });
    return data.sha;
  }

  /** The local folder of the repository, which `fetch` and `clone` make. */
  tree(name: string): string {
    return path.join(this.#folder.path, name);
  }

  /** A work tree of `main`; returns its folder. */
  async clone(name: string): Promise<string> {
    await this.fetch(name, 'main');
    await git(this.tree(name), 'checkout', '--quiet', '-B', 'main', 'FETCH_HEAD');
    return this.tree(name);
  }

  async push(name: string, ...refs: string[]): Promise<void> {
    await this.#remote(name, 'push', '--quiet', this.#url(name), ...refs);
  }

  /** Fetches a branch of the local GitHub into the local folder; returns its commit. */
  async fetch(name: string, branch: string): Promise<string> {
    if (!existsSync(this.tree(name))) await initWorkTree(this.tree(name));
    await this.#remote(name, 'fetch', '--quiet', this.#url(name), `refs/heads/${branch}`);
    return (await readFile(path.join(this.tree(name), '.git/FETCH_HEAD'), 'utf8')).slice(0, 40);
  }

  #url(name: string): string {
    return `${this.stack.gitHub}/local/${name}.git`;
  }

  #remote(name: string, ...args: string[]): Promise<string> {
    const basic = Buffer.from(`x-access-token:${this.#token}`).toString('base64');
    const header = this.#token ? ['-c', `http.extraHeader=Authorization: Basic ${basic}`] : [];
    return git(this.tree(name), ...header, ...args);
  }

  /** Records an ended job with a change in each of these repositories, as an analysis leaves it. */
  async record(
    repositories: readonly Recorded[],
    {
      pullRequest,
      ...job
    }: Partial<Omit<JobRow, 'pullRequest'>> & { pullRequest?: PullRequestSettings } = {},
  ): Promise<string> {
    const jobId = newJobId();
    const names = repositories.map(({ name }) => `local/${name}`).sort();
    await this.write(`jobs/${jobId}/request.json`, { prompt: 'Edit.', repositories: names });
    await this.write(`jobs/${jobId}/repositories.json`, names);
    const settings = defaultJobSettings(parseSettings({}));
    const request = `jobs/${jobId}/requests/created.json`;
    const asked = { kind: 'create', action: 'analyze', prompt: 'Edit.', requestedAt: AT };
    await this.write(request, { ...asked, settings, maxCostUsd: 50 });
    await inParallel(repositories, 16, (repository) => this.recordChange(jobId, repository));
    const row: JobRow = {
      jobId,
      ...{
        name: 'Edit.',
        type: 'code-pattern-update',
        maxRepositories: 10_000,
        maxConcurrency: 20,
        maxCostUsd: 50,
      },
      ...{ createPullRequests: false, settings, request },
      ...(pullRequest && { pullRequest }),
      ...{ run: 1, action: 'analyze', status: 'completed', tokenUsage: NO_TOKENS },
      counts: countsOf({ completed: names.length }),
      ...{ createdAt: AT, startedAt: AT, completedAt: AT, updatedAt: AT },
      ...job,
    };
    await this.put('jobs', { ...row, entity: 'job' });
    return jobId;
  }

  /** Records the change of one repository. */
  async recordChange(jobId: string, { name, baseSha, files, ...said }: Recorded): Promise<void> {
    const repositoryName = `local/${name}`;
    const { title = 'Change it', body = 'As asked.', baseBranch = 'main' } = said;
    const changeSet: ChangeSet = { baseBranch, baseSha, title, body, summary: 'Changed it.', files };
    const key = `jobs/${jobId}/repositories/${repositoryName}/1/change-set.json`;
    await this.write(key, changeSet);
    const changeSetSha256 = createHash('sha256').update(JSON.stringify(changeSet)).digest('hex');
    await this.put('repositories', {
      ...{ jobId, repositoryName, status: 'completed', statusKey: `completed#${repositoryName}`, run: 1 },
      ...{
        outcome: 'changed',
        turns: 2,
        costUsd: 0.004,
        tokenUsage: { ...NO_TOKENS, input: 1000, total: 1000 },
      },
      ...{ model: 'claude-sonnet-5-5', completedAt: AT, updatedAt: AT },
      ...{ defaultBranch: 'main', ...said.row },
      ...(said.row?.pullRequest && {
        pullRequestKey: pullRequestKey(said.row.pullRequest.state, repositoryName),
      }),
      artifacts: { changeSet: key },
      changeSetSha256,
    });
  }

  async write(key: string, value: unknown): Promise<void> {
    const file = path.join(this.stack.dataFolder, 'artifacts', key);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(value));
  }

  async put(table: 'jobs' | 'repositories', item: object): Promise<void> {
    await this.#rows.send(new PutCommand({ TableName: `cody-batch-local-${table}`, Item: item }));
  }

  async call(method: string, route: string, body?: object, headers: object = {}): Promise<Answer> {
    const response = await fetch(`${this.stack.api}${route}`, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as Answer['json'] };
  }

  /** Opens the pull requests of a job and waits for its end. */
  async publish(jobId: string, body?: object, ms?: number): Promise<Answer['json']> {
    const { status, json } = await this.call('POST', `/jobs/${jobId}/pull-requests`, body);
    if (status !== 202) throw new Error(`POST pull-requests answered ${status}: ${JSON.stringify(json)}`);
    return this.ended(jobId, ms);
  }

  /** Jobs that are given much time are large and polled rarely, since each answer counts their repositories. */
  async ended(jobId: string, ms?: number): Promise<Answer['json']> {
    await endOfJob(this.stack.api, jobId, ms === undefined ? {} : { everyMs: ms / 1000, withinMs: ms });
    return (await this.call('GET', `/jobs/${jobId}?limit=1000`)).json;
  }

  /** The result of one repository. */
  async row(jobId: string, name: string): Promise<RepositoryResult> {
    return (await this.call('GET', `/jobs/${jobId}/repositories/local/${name}`))
      .json as unknown as RepositoryResult;
  }

  /** The states that each child of a run of OpenPullRequests entered, in order. */
  async pathsOf(executionArn: string): Promise<string[][]> {
    const { mapRuns } = await this.sfn.send(new ListMapRunsCommand({ executionArn }));
    const { mapRunArn } = mapRuns![0]!;
    const paths: string[][] = [];
    for await (const { executions } of paginateListExecutions({ client: this.sfn }, { mapRunArn })) {
      await inParallel(executions!, 16, async (child) => {
        const query = { executionArn: child.executionArn!, maxResults: 1000 };
        const { events } = await this.sfn.send(new GetExecutionHistoryCommand(query));
        paths.push(events!.flatMap(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name ?? []));
      });
    }
    return paths;
  }

  async pulls(name: string) {
    const { data } = await this.github.rest.pulls.list({ owner: 'local', repo: name, state: 'all' });
    return data;
  }

  /** Runs a function of `lambdas`, such as `steps/open-pull-request`, as a process with the stack's environment and these variables. */
  invoke(name: string, input: object, environment: Record<string, string> = {}): Invocation {
    return invokeAt(this.stack, name, input, environment);
  }
}

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
