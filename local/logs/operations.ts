import { z } from 'zod';
import { matcher } from './filter-pattern.ts';
import type { LogEvent, LogGroup, Range } from './log-group.ts';
import { LogsError } from './logs-error.ts';

// Objects are strict: a member that this endpoint would ignore is refused.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html

const token = z.string().regex(/^[fb]?\/?\d+$/, 'expected the token of an earlier answer');
const limit = (most: number) => z.int().min(1).max(most).default(most);
const Group = { logGroupName: z.string().optional(), logGroupIdentifier: z.string().optional() };
const Times = { startTime: z.int().min(0).optional(), endTime: z.int().min(0).optional() };

const DescribeLogGroups = z.strictObject({
  logGroupNamePrefix: z.string().optional(),
  logGroupNamePattern: z.string().optional(),
  nextToken: token.optional(),
  limit: limit(50),
});

const DescribeLogStreams = z.strictObject({
  ...Group,
  logStreamNamePrefix: z.string().optional(),
  orderBy: z.enum(['LogStreamName', 'LastEventTime']).default('LogStreamName'),
  descending: z.boolean().default(false),
  nextToken: token.optional(),
  limit: limit(50),
});

const MAX_EVENTS = 10_000;

const GetLogEvents = z.strictObject({
  ...Group,
  ...Times,
  logStreamName: z.string(),
  nextToken: token.optional(),
  limit: limit(MAX_EVENTS),
  startFromHead: z.boolean().default(false),
});

const FilterLogEvents = z.strictObject({
  ...Group,
  ...Times,
  logStreamNames: z.array(z.string()).optional(),
  logStreamNamePrefix: z.string().optional(),
  filterPattern: z.string().default(''),
  nextToken: token.optional(),
  limit: limit(MAX_EVENTS),
  // Answers are always interleaved, as AWS's are by now.
  interleaved: z.boolean().optional(),
});

type Perform = (request: unknown, groups: readonly LogGroup[]) => object | Promise<object>;

function operation<Schema extends z.ZodType>(
  schema: Schema,
  perform: (request: z.output<Schema>, groups: readonly LogGroup[]) => object | Promise<object>,
): Perform {
  return (request, groups) => {
    const { data, error } = schema.safeParse(request);
    if (error) throw new LogsError('InvalidParameterException', z.prettifyError(error));
    return perform(data as z.output<Schema>, groups);
  };
}

const EVER: Range = { from: 0, to: Number.POSITIVE_INFINITY };

/** By the part of X-Amz-Target behind the dot. */
export const OPERATIONS: Readonly<Record<string, Perform>> = {
  DescribeLogGroups: operation(DescribeLogGroups, describeLogGroups),
  DescribeLogStreams: operation(DescribeLogStreams, describeLogStreams),
  GetLogEvents: operation(GetLogEvents, getLogEvents),
  FilterLogEvents: operation(FilterLogEvents, filterLogEvents),
};

function describeLogGroups(request: z.output<typeof DescribeLogGroups>, groups: readonly LogGroup[]) {
  const { logGroupNamePrefix = '', logGroupNamePattern = '', nextToken } = request;
  const named = groups
    .filter(({ name }) => name.startsWith(logGroupNamePrefix) && name.includes(logGroupNamePattern))
    .map(({ name }) => ({ logGroupName: name, arn: `${arnOf(name)}:*`, logGroupArn: arnOf(name) }));
  const { items, next } = pageOf(named, nextToken, request.limit);
  return { logGroups: items, nextToken: next };
}

async function describeLogStreams(request: z.output<typeof DescribeLogStreams>, groups: readonly LogGroup[]) {
  const group = requireGroup(request, groups);
  const { logStreamNamePrefix = '', orderBy, descending } = request;
  const streams = new Map<string, { first: number; last: number }>();
  for await (const { stream, timestamp } of group.events(EVER, (name) =>
    name.startsWith(logStreamNamePrefix),
  )) {
    const { first, last } = streams.get(stream) ?? { first: timestamp, last: timestamp };
    streams.set(stream, { first: Math.min(first, timestamp), last: Math.max(last, timestamp) });
  }
  const sorted = [...streams].sort(([a, { last: lastOfA }], [b, { last: lastOfB }]) =>
    orderBy === 'LastEventTime' ? lastOfA - lastOfB : a < b ? -1 : 1,
  );
  const { items, next } = pageOf(descending ? sorted.reverse() : sorted, request.nextToken, request.limit);
  return {
    logStreams: items.map(([logStreamName, { first, last }]) => ({
      logStreamName,
      creationTime: first,
      firstEventTimestamp: first,
      lastEventTimestamp: last,
      lastIngestionTime: last,
      arn: `${arnOf(group.name)}:log-stream:${logStreamName}`,
    })),
    nextToken: next,
  };
}

/** Tokens are `f/N` and `b/N`, N being how many events come before; at either end the same token comes back, as on AWS. */
async function getLogEvents(request: z.output<typeof GetLogEvents>, groups: readonly LogGroup[]) {
  const group = requireGroup(request, groups);
  const { logStreamName, nextToken, startFromHead, limit: most } = request;
  const found = await eventsOf(group, rangeOf(request), (name) => name === logStreamName);
  const hasStream =
    found.length > 0 || (await eventsOf(group, EVER, (name) => name === logStreamName)).length > 0;
  if (!hasStream)
    throw new LogsError(
      'ResourceNotFoundException',
      `The specified log stream ${logStreamName} does not exist.`,
    );
  const at = nextToken === undefined ? undefined : Number(nextToken.slice(2));
  const backwards = nextToken === undefined ? !startFromHead : nextToken.startsWith('b');
  const end = backwards ? (at ?? found.length) : Math.min(found.length, (at ?? 0) + most);
  const start = backwards ? Math.max(0, end - most) : Math.min(at ?? 0, found.length);
  return {
    events: found.slice(start, end).map(({ timestamp, message }) => ({
      ...{ timestamp, message, ingestionTime: timestamp },
    })),
    nextForwardToken: `f/${end}`,
    nextBackwardToken: `b/${start}`,
  };
}

function patternOf(pattern: string): (line: string) => boolean {
  try {
    return matcher(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new LogsError(
      'InvalidParameterException',
      `The local logs do not support the filter pattern ${JSON.stringify(pattern)}: ${error.message}. Use terms, or comparisons such as { $.level = "error" }.`,
    );
  }
}

async function filterLogEvents(request: z.output<typeof FilterLogEvents>, groups: readonly LogGroup[]) {
  const group = requireGroup(request, groups);
  const { logStreamNames, logStreamNamePrefix = '', filterPattern } = request;
  const matches = patternOf(filterPattern);
  const isAsked = (name: string) =>
    name.startsWith(logStreamNamePrefix) && (logStreamNames?.includes(name) ?? true);
  const found = await eventsOf(group, rangeOf(request), isAsked);
  const matching = found.filter(({ message }) => matches(message));
  const { items, next } = pageOf(matching, request.nextToken, request.limit);
  return {
    events: items.map(({ stream, timestamp, message, id }) => ({
      ...{ logStreamName: stream, timestamp, message, ingestionTime: timestamp, eventId: id },
    })),
    searchedLogStreams: [],
    nextToken: next,
  };
}

/** Sorted by time; equal times in the order of their lines. */
async function eventsOf(
  group: LogGroup,
  range: Range,
  streams: (name: string) => boolean,
): Promise<LogEvent[]> {
  const found: LogEvent[] = [];
  for await (const event of group.events(range, streams)) found.push(event);
  return found.sort((a, b) => a.timestamp - b.timestamp || (a.id < b.id ? -1 : 1));
}

function rangeOf({
  startTime,
  endTime,
}: {
  startTime?: number | undefined;
  endTime?: number | undefined;
}): Range {
  return { from: startTime ?? EVER.from, to: endTime ?? EVER.to };
}

function requireGroup(
  {
    logGroupName,
    logGroupIdentifier,
  }: { logGroupName?: string | undefined; logGroupIdentifier?: string | undefined },
  groups: readonly LogGroup[],
): LogGroup {
  const asked = logGroupName ?? logGroupIdentifier?.replace(/^arn:.*:log-group:/, '').replace(/:\*$/, '');
  const group = groups.find(({ name }) => name === asked);
  if (group) return group;
  throw new LogsError(
    'ResourceNotFoundException',
    `The specified log group ${asked} does not exist. The local logs have ${groups.map(({ name }) => name).join(', ')}.`,
  );
}

function pageOf<Item>(
  all: readonly Item[],
  nextToken: string | undefined,
  most: number,
): { items: readonly Item[]; next: string | undefined } {
  const start = Number(nextToken ?? 0);
  const end = start + most;
  return { items: all.slice(start, end), next: end < all.length ? String(end) : undefined };
}

function arnOf(group: string): string {
  return `arn:aws:logs:us-east-1:000000000000:log-group:${group}`;
}
