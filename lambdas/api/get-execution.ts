import type { DescribeMapRunCommandOutput } from '@aws-sdk/client-sfn';
import { z } from 'zod';
import { NotFoundError } from '../../core/errors.ts';
import { Counts, ErrorDescription, isRunning, JobId, ReadJobStatus } from '../../core/job.ts';
import type { RunRecord } from '../../core/run-record.ts';
import type { Context } from '../context.ts';
import { ExecutionHistory, type RunHistory } from '../run/execution-history.ts';
import { withFreshCounts } from '../run/fresh-counts.ts';
import { readRecord } from '../run/run-record.ts';
import { parseDefinition } from './execution/definition.ts';
import { type Lane, LaneState, lanesOf } from './execution/lanes.ts';
import { Now, type UnderWay, underWay } from './execution/under-way.ts';
import { type Visit, visitsOf } from './execution/visits.ts';
import { route } from './route.ts';
import { requireVisibleJob } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const query = z.strictObject({ run: z.coerce.number().int().min(1).optional() });

/** The child executions of a Map, as Step Functions counts them. */
const Children = z.object({
  map: z.string(),
  status: z.string(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  maxConcurrency: z.int(),
  pending: z.int(),
  running: z.int(),
  succeeded: z.int(),
  /** Those that failed, were stopped or took too long. A repository that failed is recorded, so its child succeeded. */
  failed: z.int(),
  total: z.int(),
});

const ShownState = LaneState.extend({
  /** Absent if the state was not entered, and in the lanes of repositories. */
  status: z.enum(['running', 'succeeded', 'caught', 'failed', 'stopped']).optional(),
  times: z.int().optional(),
  enteredAt: z.string().optional(),
  exitedAt: z.string().optional(),
  now: Now.optional(),
});

const ShownLane = z.object({
  lane: z.string(),
  startAt: z.string(),
  maps: z.array(z.string()),
  /** The newest Map run of each of `maps` that has run. */
  children: z.array(Children),
  /** Of the lane of repositories: how many have each status. */
  counts: Counts.optional(),
  states: z.array(ShownState),
});

const Execution = z.object({
  jobId: z.string(),
  run: z.int(),
  action: z.string().optional(),
  /** The job's status, or that at the end of the run. */
  status: ReadJobStatus,
  execution: z.object({
    /** `unknown`: Step Functions has not started it, or has forgotten it. */
    status: z.string(),
    executionArn: z.string().optional(),
    startedAt: z.string().optional(),
    endedAt: z.string().optional(),
    error: ErrorDescription.optional(),
  }),
  /** The execution in the console of AWS. */
  consoleUrl: z.string().optional(),
  /** False if a very long history was read only in part: `times` is then too low. */
  isComplete: z.boolean(),
  lanes: z.array(ShownLane),
});

/** The lifecycle of a run as a graph: its states in lanes, with what is in each now. */
export const getExecution = route(
  'GET',
  '/jobs/{jobId}/execution',
  {
    role: 'viewer',
    summary:
      'The states of a run in three lanes (job, each repository, each pull request), with what is in each now.',
    params,
    query,
    isFiltered: true,
    hasETag: true,
    responses: { 200: Execution },
  },
  async ({ params: { jobId }, query, access, createdBy }, context) => {
    const row = await context.jobs.get(jobId);
    const run = query.run ?? row.run;
    if (run > row.run)
      throw new NotFoundError(`The job ${jobId} has no run ${run}; its newest is run ${row.run}.`);
    const history = historyOf(context);
    const [job, record, read] = await Promise.all([
      run === row.run ? withFreshCounts(row, context) : row,
      readRecord(row, run, context),
      history.read({ jobId, run }),
    ]);
    const seen = await requireVisibleJob(job, { access, createdBy }, context);
    // What Step Functions counts, and the error, are about all repositories of the job.
    const isWhole = seen === job;
    const isCurrent = run === job.run && isRunning(job.status);
    const mine = isWhole ? job : { ...job, counts: seen.counts };
    const now = isCurrent ? await underWay(mine, access, context) : undefined;
    const lanes = lanesOf(parseDefinition(read?.definition ?? (await history.currentDefinition())));
    const visits = read ? visitsOf(read.events, read.execution.status) : new Map<string, Visit>();
    const counts = isCurrent ? mine.counts : isWhole ? record.counts : undefined;
    return {
      json: {
        jobId,
        run,
        action: record.action,
        status: record.status,
        ...shownExecution(record, read, isWhole),
        isComplete: read?.isComplete ?? false,
        lanes: await Promise.all(
          lanes.map(async (lane) => ({
            ...shownLane(lane, visits, now),
            children: read && isWhole ? await childrenOf(lane, visits, read) : [],
            ...(lane.lane === 'repository' && counts && { counts }),
          })),
        ),
      },
    };
  },
);

const histories = new WeakMap<Context, ExecutionHistory>();

/** One for each process, since it keeps what it read of ended executions. */
function historyOf(context: Context): ExecutionHistory {
  const known = histories.get(context) ?? new ExecutionHistory(context.settings);
  histories.set(context, known);
  return known;
}

function shownExecution(record: RunRecord, read: RunHistory | undefined, withError: boolean) {
  if (!read) {
    const { executionArn, startedAt, endedAt } = record;
    const error = withError ? record.error : undefined;
    return { execution: { status: 'unknown', executionArn, startedAt, endedAt, error } };
  }
  const { executionArn, status, startDate, stopDate, error, cause = '' } = read.execution;
  return {
    execution: {
      status,
      executionArn,
      startedAt: startDate?.toISOString(),
      endedAt: stopDate?.toISOString(),
      ...(error !== undefined && withError && { error: { name: error, message: cause } }),
    },
    consoleUrl: consoleUrl(executionArn!),
  };
}

/** Returns undefined on one machine, whose account is not one of AWS. */
export function consoleUrl(executionArn: string): string | undefined {
  const [, partition = '', , region = '', account = ''] = executionArn.split(':');
  if (/^0+$/.test(account)) return undefined;
  const domain = CONSOLES[partition] ?? CONSOLES.aws;
  return `https://${region}.console.${domain}/states/home?region=${region}#/v2/executions/details/${encodeURIComponent(executionArn)}`;
}

const CONSOLES: Readonly<Record<string, string>> = {
  aws: 'aws.amazon.com',
  'aws-cn': 'amazonaws.cn',
  'aws-us-gov': 'amazonaws-us-gov.com',
};

function shownLane(
  { lane, startAt, maps, states }: Lane,
  visits: ReadonlyMap<string, Visit>,
  now: UnderWay | undefined,
) {
  const isOfRepositories = lane === 'repository';
  const inBatch = states.find(({ resource }) => resource?.includes(':batch:submitJob'))?.name;
  const waiting = states.find(({ type }) => type === 'Wait')?.name;
  return {
    lane,
    startAt,
    maps,
    states: states.map(({ resource: _, ...state }) => {
      const { mapRunArn: _arn, ...visit } = visits.get(state.name) ?? {};
      const here = state.name === inBatch ? now?.inBatch : state.name === waiting ? now?.waiting : undefined;
      return { ...state, ...visit, ...(isOfRepositories && here && { now: here }) };
    }),
  };
}

/** Of each Map of the lane the newest Map run: a constant number of calls. */
async function childrenOf(
  { maps }: Lane,
  visits: ReadonlyMap<string, Visit>,
  read: RunHistory,
): Promise<z.infer<typeof Children>[]> {
  const shown = await Promise.all(
    maps.map(async (map) => {
      const mapRunArn = visits.get(map)?.mapRunArn;
      const run = mapRunArn === undefined ? undefined : await read.mapRun(mapRunArn);
      return run ? [countedChildren(map, run)] : [];
    }),
  );
  return shown.flat();
}

function countedChildren(map: string, run: DescribeMapRunCommandOutput): z.infer<typeof Children> {
  const { pending, running, succeeded, failed, aborted, timedOut, total } = run.itemCounts!;
  const sum = [failed, aborted, timedOut].reduce((all, n) => all! + n!, 0);
  return {
    map,
    status: run.status!,
    startedAt: run.startDate!.toISOString(),
    ...(run.stopDate && { endedAt: run.stopDate.toISOString() }),
    maxConcurrency: run.maxConcurrency!,
    ...{ pending: pending!, running: running!, succeeded: succeeded!, failed: sum!, total: total! },
  };
}
