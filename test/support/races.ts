import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TerminateJobCommand } from '@aws-sdk/client-batch';
import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { expect } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import { inParallel } from '../../core/in-parallel.ts';
import type { Counts } from '../../core/job.ts';
import { digestOfChanges } from '../../core/review.ts';
import { type Answered, callTool, Fleet, writeAndSubmit } from './fleet.ts';
import { seeded } from './seeded.ts';
import { until } from './until.ts';

const NAMES = ['one', 'two'];
/** Rounds at once: each is mostly waiting. */
const AT_ONCE = 6;
const REST_MS = 600_000;

type Asked = { kind: string; key?: string; status: number; run?: number };

/** Where workers write a change slowly enough that a request meets them at work. */
export function startRaces(): Promise<Fleet> {
  return Fleet.start({
    names: NAMES,
    concurrency: 6,
    script: async (request) => {
      await sleep(40);
      const revision = /Revision \d+/.exec(JSON.stringify(request.messages.at(-1)))?.[0];
      if (revision) return callTool('write_file', { path: 'b.txt', content: `${revision}\n` });
      return writeAndSubmit(request);
    },
  });
}

/** Seeded rounds of everything that can be asked of one job, all at once, from outside; throws where one is not consistent. */
export async function race(fleet: Fleet, seeds: readonly number[]): Promise<Record<string, number>> {
  const tally: Record<string, number> = {};
  await inParallel(seeds, AT_ONCE, async (seed) => {
    try {
      for (const { kind, status } of await round(fleet, seed))
        tally[`${kind} ${status}`] = (tally[`${kind} ${status}`] ?? 0) + 1;
    } catch (error) {
      const { message } = error as Error;
      const seen = [await failedRequests(fleet), await stateOf(fleet, message)];
      throw new Error([`seed ${seed}: ${message}`, ...seen].join('\n'), { cause: error });
    }
  });
  return tally;
}

/** What the API logged of requests that it answered with 500. */
async function failedRequests({ stack }: Fleet): Promise<string> {
  const log = await readFile(path.join(stack.dataFolder, 'logs/functions.log'), 'utf8').catch(() => '');
  return log
    .split('\n')
    .filter((line) => line.includes('The request failed'))
    .slice(0, 3)
    .join('\n');
}

/** The job that a message names, and its executions. */
async function stateOf(fleet: Fleet, message: string): Promise<string> {
  const jobId = /job-\w{26}/.exec(message)?.[0];
  if (!jobId) return '';
  const { results, settings, ...job } = (await fleet.send('GET', `/jobs/${jobId}`)).json ?? {};
  const runs = Array.from({ length: job.run ?? 0 }, (_, i) => fleet.execution(jobId, i + 1));
  const rows = results?.map(({ repositoryName, status, phase }) => ({ repositoryName, status, phase }));
  return JSON.stringify({ job, executions: await Promise.all(runs), rows });
}

async function round(fleet: Fleet, seed: number): Promise<Asked[]> {
  const random = seeded(seed);
  const asked: Asked[] = [];
  const post = () => fleet.send('POST', '/jobs', body, { 'idempotency-key': `race ${seed} ${process.pid}` });
  const body = {
    prompt: 'Edit.',
    repositories: NAMES.map((name) => `local/${name}`),
    createPullRequests: random() < 0.4,
    ...(random() < 0.4 && { sample: 1 }),
    ...(random() < 0.4 && { review: 'required' }),
  };
  const created = await post();
  expect(created.status).toBe(201);
  const { jobId } = created.json;
  const ask = async (kind: string, method: string, route: string, key?: string, body?: object) => {
    const headers = key ? { 'idempotency-key': key } : {};
    const answer = await fleet.send(method, `/jobs/${jobId}${route}`, body, headers);
    asked.push({ kind, status: answer.status, ...(key && { key }), run: answer.json?.run });
    return answer;
  };
  const key = (kind: string) => `${kind} ${seed} ${Math.floor(random() * 2)}`;
  const often = async (times: number, ms: number, act: () => Promise<unknown>) => {
    for (let i = 0; i < times; i++) {
      await sleep(random() * ms);
      await act();
    }
  };
  const deletes = random() < 0.5;
  // In the middle of whatever the job happens to be doing, or with a change that can be published.
  const hasChange = random() < 0.4;
  if (hasChange) await fleet.atRest(jobId, REST_MS);
  else await sleep(random() * 1200);
  await Promise.all([
    often(random() < 0.7 ? 3 : 0, 300, () => ask('cancel', 'POST', '/cancel')),
    often(4, 250, () => ask('retry', 'POST', '/retry', random() < 0.5 ? key('retry') : undefined)),
    often(4, 300, () => ask('publish', 'POST', '/pull-requests', key('publish'))),
    often(2, 500, () => ask('continue', 'POST', '/continue', key('continue'))),
    often(4, 300, async () => {
      const decision = DECISIONS[Math.floor(random() * DECISIONS.length)]!;
      const changes = await changesOf(fleet, jobId);
      // Of one that it was not shown, too.
      const shown = random() < 0.3 ? changes.slice(0, 1) : changes;
      if (shown.length === 0) return;
      const { shape } = shown[0]!;
      const about =
        shape && random() < 0.5 ? { shape } : { repositories: shown.map((one) => one.repositoryName) };
      const review = { decision, ...about, seen: digestOfChanges(shown) };
      await ask('review', 'POST', '/reviews', undefined, review);
    }),
    // Before the others, where there is a change: later a job is seldom at rest.
    often(random() < 0.5 ? 2 : 0, hasChange ? 10 : 500, () => {
      const instruction = `Revision ${Math.floor(random() * 2)}`;
      const revision = { instruction, repositories: body.repositories.slice(0, 1) };
      return ask(
        'revise',
        'POST',
        '/revise',
        random() < 0.5 ? `${instruction} ${seed}` : undefined,
        revision,
      );
    }),
    often(3, 300, async () => {
      const { status } = await post();
      asked.push({ kind: 'replay', status });
    }),
    often(random() < 0.4 ? 2 : 0, 400, () => stopExecution(fleet, jobId, 1 + Math.floor(random() * 3))),
    often(random() < 0.4 ? 2 : 0, 400, () => terminateOne(fleet, jobId, random)),
    often(deletes ? 4 : 0, 500, () => ask('delete', 'DELETE', '')),
  ]);
  expectAllowed(asked);
  if (asked.some(({ kind, status }) => kind === 'delete' && status === 204))
    await expectGone(fleet, jobId, post);
  else await expectConsistent(fleet, jobId, asked);
  await expectNoDoubledPullRequest(fleet, jobId);
  return asked;
}

const DECISIONS = ['approve', 'approve', 'reject', 'undecided'] as const;

type Change = { repositoryName: string; patchSha: string; shape: string | null; review: string | null };

/** The changes of the job that a person can decide about. */
async function changesOf(fleet: Fleet, jobId: string): Promise<Change[]> {
  const { status, json } = await fleet.send('GET', `/jobs/${jobId}/rows`);
  if (status !== 200) return [];
  const { columns } = json as unknown as { columns: Record<string, (string | null)[]> };
  const { repositoryName: names = [], outcome = [], patchSha = [], shape = [], review = [] } = columns;
  return names.flatMap((name, i) =>
    outcome[i] === 'changed' && patchSha[i]
      ? [
          {
            repositoryName: name!,
            patchSha: patchSha[i]!,
            shape: shape[i] ?? null,
            review: review[i] ?? null,
          },
        ]
      : [],
  );
}

/** Every answer is one that the caller can act on, and 200 for a key only where that key was carried out. */
function expectAllowed(asked: readonly Asked[]): void {
  const allowed: Record<string, number[]> = {
    cancel: [200, 404, 409],
    retry: [200, 202, 404, 409],
    publish: [200, 202, 404, 409],
    continue: [200, 202, 404, 409],
    review: [200, 400, 404, 409],
    revise: [200, 202, 400, 404, 409],
    delete: [204, 404, 409],
    replay: [200, 410],
  };
  for (const one of asked) expect([one, allowed[one.kind]!.includes(one.status)]).toEqual([one, true]);
  for (const { kind, key, status } of asked.filter((one) => one.key !== undefined && one.status === 200)) {
    const carriedOut = asked.some((one) => one.kind === kind && one.key === key && one.status === 202);
    expect([kind, key, status, carriedOut]).toEqual([kind, key, status, true]);
  }
}

async function stopExecution(fleet: Fleet, jobId: string, run: number): Promise<void> {
  // One that was never started is nothing to stop.
  await fleet.sfn
    .send(new StopExecutionCommand({ executionArn: fleet.executionArn(jobId, run) }))
    .catch(() => {});
}

async function terminateOne(fleet: Fleet, jobId: string, random: () => number): Promise<void> {
  const live = (await fleet.batchJobs(jobId)).filter(
    ({ status }) => status !== 'SUCCEEDED' && status !== 'FAILED',
  );
  const job = live[Math.floor(random() * live.length)];
  if (job) await fleet.batch.send(new TerminateJobCommand({ jobId: job.jobId, reason: 'A race.' }));
}

async function expectGone(fleet: Fleet, jobId: string, post: () => Promise<Answered>): Promise<void> {
  const folder = path.join(fleet.stack.dataFolder, 'artifacts/jobs', jobId);
  const left = async () => {
    const items = await fleet.itemsOf(jobId);
    const untouched = items.filter(({ deletedAt, stoppedBy }) => !deletedAt && stoppedBy !== 'deleted');
    const isDeleting = items.some(({ status }) => status !== undefined);
    // Reading every process of the machine is dear, and only the last look counts.
    const workers = untouched.length > 0 || isDeleting ? 0 : fleet.workers(jobId).length;

    return { untouched, isDeleting, workers, folder: existsSync(folder) };
  };
  const nothing = { untouched: [], isDeleting: false, workers: 0, folder: false };
  const isGone = async () => JSON.stringify(await left()) === JSON.stringify(nothing);
  await until(`the removal of ${jobId}`, isGone, REST_MS).catch(async () =>
    expect(await left()).toEqual(nothing),
  );
  expect((await post()).status).toBe(410);
  // Whatever is late has come by now, and makes nothing anew.
  await sleep(300);
  expect(await left()).toEqual(nothing);
  expect((await fleet.send('GET', `/jobs/${jobId}`)).status).toBe(404);
}

/** Everything that can be seen of the job is at rest, agrees, and can go on from there. */
async function expectConsistent(fleet: Fleet, jobId: string, asked: readonly Asked[]): Promise<void> {
  const accepted = asked.filter(({ status }) => status === 202);
  // A publish may join the run that is under way.
  let reserved = { least: accepted.filter(({ kind }) => kind !== 'publish').length, most: accepted.length };
  for (;;) {
    await fleet.atRest(jobId, REST_MS);
    await until(
      `the rest of ${jobId}`,
      async () => {
        const { run } = await fleet.job(jobId);
        const executions = await Promise.all(
          Array.from({ length: run }, (_, i) => fleet.execution(jobId, i + 1)),
        );
        return !executions.includes('RUNNING') && fleet.workers(jobId).length === 0;
      },
      REST_MS,
    );
    // What EventBridge delivers after the end of an execution.
    await sleep(200);
    const { job, rows } = await settled(fleet, jobId);
    const { held = 0 } = job;
    expect(job.run).toBeGreaterThanOrEqual(reserved.least + 1);
    expect(job.run).toBeLessThanOrEqual(reserved.most + 1);
    const costs = rows.reduce((sum, { costUsd = 0 }) => sum + costUsd, 0);
    expect(job.costUsd ?? 0).toBeCloseTo(costs, 6);
    const batch = await fleet.batchJobs(jobId);
    expect(batch.filter(({ status }) => status !== 'SUCCEEDED' && status !== 'FAILED')).toEqual([]);
    expect(new Set(batch.map(({ jobName }) => jobName)).size).toBe(batch.length);
    if (job.review === 'required' && !job.held && ['waiting', 'completed'].includes(job.status)) {
      const undecided = (await changesOf(fleet, jobId)).filter(({ review }) => review === null);
      expect([job.status, undecided]).toEqual([undecided.length > 0 ? 'waiting' : 'completed', undecided]);
      expect(job.reviewing).toBeUndefined();
    }
    if (job.counts.completed === NAMES.length) break;
    const { status } = await fleet.send('POST', `/jobs/${jobId}/${held > 0 ? 'continue' : 'retry'}`);
    expect(status).toBe(202);
    reserved = { least: reserved.least + 1, most: reserved.most + 1 };
  }
  const changes = await changesOf(fleet, jobId);
  const approval = {
    ...{ decision: 'approve', repositories: changes.map(({ repositoryName }) => repositoryName) },
    seen: digestOfChanges(changes),
  };
  expect((await fleet.send('POST', `/jobs/${jobId}/reviews`, approval)).status).toBe(200);
  const { status } = await fleet.send('POST', `/jobs/${jobId}/pull-requests`);
  expect([202, 409]).toContain(status);
  const ended = await fleet.atRest(jobId, REST_MS);
  expect(ended.results.map(({ pullRequest }) => pullRequest?.state)).toEqual(NAMES.map(() => 'open'));
}

/**
 * The job and its rows, once its counts agree with them. To stop an execution does not stop its function, here as on AWS:
 * what that still writes comes after the end of the execution, on a busy machine seconds later.
 */
async function settled(fleet: Fleet, jobId: string) {
  const look = async () => {
    const job = await fleet.job(jobId);
    const rows = Object.values(await fleet.rows(jobId));
    const { held = 0 } = job;
    const counted: Record<string, number> = {
      total: NAMES.length - held,
      pending: 0,
      processing: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
    };
    for (const { status } of rows) counted[status] = (counted[status] ?? 0) + 1;
    // Those that a cancel was faster than have no row, and count as cancelled.
    counted.cancelled = counted.cancelled! + NAMES.length - held - rows.length;
    return { job, rows, counted };
  };
  const agreeing = async () => {
    const { job, rows, counted } = await look();
    const agree = Object.entries(counted).every(
      ([name, count]) => job.counts[name as keyof Counts] === count,
    );
    return agree ? { job, rows } : undefined;
  };
  return until('counts that agree with the rows', agreeing, REST_MS).catch(async () => {
    const { job, rows, counted } = await look();
    expect({ jobId, ...job.counts }).toMatchObject({ jobId, ...counted });
    return { job, rows };
  });
}

async function expectNoDoubledPullRequest(fleet: Fleet, jobId: string): Promise<void> {
  const github = new Octokit({ baseUrl: `${fleet.stack.gitHub}/api/v3` });
  for (const repo of NAMES) {
    const { data } = await github.rest.pulls.list({
      ...{ owner: 'local', repo, state: 'all', head: `local:cody-batch/${jobId}` },
    });
    const numbers = data.filter(({ head }) => head.ref === `cody-batch/${jobId}`).map(({ number }) => number);
    expect(numbers.length).toBeLessThanOrEqual(1);
    const row = (await fleet.rows(jobId))[repo];
    if (row?.pullRequestNumber) expect(numbers).toEqual([row.pullRequestNumber]);
  }
}
