import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { canary } from '../../lambdas/canary/canary.ts';
import { logger } from '../../lambdas/logger.ts';
import { logJobEnd } from '../../lambdas/run/job-ended.ts';
import { mendedJob } from '../../lambdas/run/mended-job.ts';
import { reportStuckJob } from '../../lambdas/run/stuck-job.ts';
import { keepLog } from './keep-log.ts';
import type { Datum, LoggedLine } from './metric-data.ts';
import { type Json, ofType, type Template } from './synthesized.ts';
import { answeredWith, linesOfGroup, savedAtTry, spendingLines, workerLines } from './worker-lines.ts';

/** What an alarm watches: lines, or data of the metrics that AWS publishes. */
type Sample = { lines?: LoggedLine[]; data?: Datum[] };
type Watched = { template: Template; alarm: Json };
type Samples = (watched: Watched) => Promise<{ fires: Sample; healthy: Sample }>;

/** For each alarm, by the last part of its name: what sets it off and what does not, from the code that writes it. */
export const SAMPLES: Readonly<Record<string, Samples>> = {
  'executions-failed': async ({ template }) => {
    const machine = `<${idOf(template, 'AWS::StepFunctions::StateMachine')}>`;
    const of = (metric: string) => native('AWS/States', metric, { StateMachineArn: machine });
    return {
      fires: { data: [of('ExecutionsFailed')] },
      healthy: { data: [of('ExecutionsSucceeded'), of('ExecutionsAborted')] },
    };
  },
  'failed-jobs': async ({ template }) => ({
    fires: { lines: await linesOf(template, 'fail-job', () => logJobEnd('job-1', { status: 'failed' })) },
    healthy: {
      lines: await linesOf(template, 'complete-job', () => logJobEnd('job-1', { status: 'completed' })),
    },
  }),
  'failed-repositories': async ({ template }) => {
    const counts = { pending: 0, processing: 0, completed: 30, cancelled: 0, total: 40 };
    const end = (failed: number) => () =>
      logJobEnd('job-1', { status: 'completed', counts: { ...counts, failed } });
    return {
      fires: { lines: await linesOf(template, 'complete-job', end(10)) },
      healthy: { lines: await linesOf(template, 'complete-job', end(9)) },
    };
  },
  'stuck-jobs': async ({ template }) => ({
    fires: { lines: await linesOf(template, 'reconcile', () => lookAtJob('2026-01-01T00:00:00.000Z')) },
    healthy: { lines: await linesOf(template, 'reconcile', () => lookAtJob('2026-01-01T03:00:00.000Z')) },
  }),
  'claude-unavailable': async () => {
    const unanswered = await answeredWith(529);
    return {
      fires: { lines: times(3, unanswered) },
      healthy: { lines: [...times(2, unanswered), ...times(9, await answeredWith(429))] },
    };
  },
  'artifacts-unsaved': async () => {
    const unsaved = await savedAtTry(2);
    return {
      fires: { lines: times(3, unsaved) },
      healthy: { lines: [...times(2, unsaved), ...times(9, await savedAtTry(1))] },
    };
  },
  'damaged-rows': async ({ template }) => {
    const lookAt = (asWritten?: Json) => () =>
      mendedJob('job-1', {
        jobs: { get: async () => ({ jobId: 'job-1', asWritten }), mend: async (job: Json) => job },
      } as never);
    return {
      fires: { lines: await linesOf(template, 'reconcile', lookAt({ counts: 'poison' })) },
      healthy: { lines: await linesOf(template, 'reconcile', lookAt()) },
    };
  },
  'dead-letters': async ({ template }) => {
    const [queue] = ofType(template, 'AWS::SQS::Queue').find(
      ([, { QueueName }]) => QueueName === 'cody-batch-dev-dead-letters',
    )!;
    const QueueName = `<${queue}.QueueName>`;
    const of = (value: number) =>
      native('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName }, value);
    return { fires: { data: [of(0), of(1)] }, healthy: { data: [of(0)] } };
  },
  'api-errors': async ({ template }) => {
    const of = (metric: string) =>
      native('AWS/ApiGateway', metric, { ApiId: `<${idOf(template, 'AWS::ApiGatewayV2::Api')}>` });
    return { fires: { data: [of('5xx')] }, healthy: { data: [of('4xx'), of('Count')] } };
  },
  'function-errors': async ({ template }) => {
    const failing = await linesOf(template, 'record-result', () =>
      logger.error('The function failed', new Error('A bug')),
    );
    const crash = 'RequestId: 4f0e Error: Task timed out after 900.00 seconds';
    const crashed = [{ logGroup: '/aws/lambda/cody-batch-dev-api', line: crash }];
    const warned = await linesOf(template, 'record-result', () => logger.warn('Task is slow'));
    return {
      fires: { lines: [...times(10, failing), ...times(10, crashed)] },
      healthy: { lines: [...times(19, failing), ...times(40, warned)] },
    };
  },
  'worker-errors': async () => {
    const failing = await workerLines((log) => log.error('TypeError: A bug'));
    const warned = await workerLines((log) => log.warn('The diff is incomplete'));
    return {
      fires: { lines: times(5, failing) },
      healthy: { lines: [...times(4, failing), ...times(9, warned)] },
    };
  },
  'table-throttles': async ({ template }) => {
    const [, [repositories]] = ofType(template, 'AWS::DynamoDB::Table') as [unknown, [string]];
    const of = (metric: string) => native('AWS/DynamoDB', metric, { TableName: `<${repositories}>` });
    return {
      fires: { data: [of('WriteThrottleEvents')] },
      healthy: { data: [of('ConsumedWriteCapacityUnits')] },
    };
  },
  'claude-spending': async ({ alarm }) => {
    return {
      fires: { lines: await spendingLines(alarm.Threshold) },
      healthy: { lines: await spendingLines(alarm.Threshold - 1) },
    };
  },
  'api-health': async ({ template }) => ({
    fires: { lines: await ask(template, 'health', 503, '{"status":"failing"}') },
    healthy: {
      lines: [
        ...(await ask(template, 'health', 200, '{"status":"ok"}')),
        ...(await ask(template, 'page', 500, '')),
      ],
    },
  }),
  'denied-calls': async () => ({
    fires: { lines: trailLines(calledBy(OWN_ROLE, { errorCode: 'AccessDeniedException' })) },
    healthy: {
      lines: trailLines(
        calledBy(OWN_ROLE, {}),
        calledBy(OTHER_ROLE, { errorCode: 'AccessDenied' }),
        calledBy(OWN_ROLE, { errorCode: 'ResourceNotFoundException' }),
      ),
    },
  }),
  'secrets-read': async () => {
    const read = (secretId: string) => ({ eventName: 'GetSecretValue', requestParameters: { secretId } });
    const own = read(
      'arn:aws:secretsmanager:us-east-1:123456789012:secret:cody-batch-dev-github-read-token-AbCdEf',
    );
    return {
      fires: { lines: trailLines({ userIdentity: { type: 'IAMUser', userName: 'ada' }, ...own }) },
      healthy: {
        lines: trailLines(
          calledBy(OWN_ROLE, own),
          calledBy(OTHER_ROLE, read('another-secret')),
          calledBy(OTHER_ROLE, { ...own, eventName: 'DescribeSecret' }),
        ),
      },
    };
  },
  page: async ({ template }) => ({
    fires: { lines: await ask(template, 'page', 200, '<title>Another page</title>') },
    healthy: { lines: await ask(template, 'page', 200, '<title>Cody Batch</title>') },
  }),
};

function native(namespace: string, metric: string, dimensions: Record<string, string>, value = 1): Datum {
  return { namespace, metric, dimensions, value };
}

const times = <T>(count: number, items: readonly T[]): T[] =>
  Array.from({ length: count }, () => items).flat();

function idOf(template: Template, type: string): string {
  return ofType(template, type)[0]![0];
}

/** The lines that code of a function writes, with the namespace that the template gives it. */
async function linesOf(template: Template, functionName: string, run: () => unknown): Promise<LoggedLine[]> {
  const name = `cody-batch-dev-${functionName}`;
  const [, { Environment }] = ofType(template, 'AWS::Lambda::Function').find(
    ([, { FunctionName }]) => FunctionName === name,
  )!;
  process.env.METRICS_NAMESPACE = Environment.Variables.METRICS_NAMESPACE;
  const written = keepLog();
  await run();
  return linesOfGroup(`/aws/lambda/${name}`, written.join(''));
}

/** Looks at a running job in which nothing has changed since a time, at 04:00. */
function lookAtJob(updatedAt: string): Promise<void> {
  const row = { jobId: 'job-1', repositoryName: 'acme/a', status: 'processing', updatedAt };
  return reportStuckJob('job-1', {
    now: () => '2026-01-01T04:00:00.000Z',
    jobs: {
      find: async () => ({
        jobId: 'job-1',
        run: 1,
        status: 'processing',
        updatedAt: '2026-01-01T00:00:00.000Z',
      }),
    },
    repositoryIndex: { listRows: async () => [row] },
    repositories: { getMany: async () => [row] },
  } as never);
}

const OWN_ROLE = 'cody-batch-dev-StepsRecordResultRole-1A2B3C';
const OTHER_ROLE = 'Administrator';

/** An event of CloudTrail, as far as patterns read it: a call by the session of a role. */
function calledBy(role: string, event: object): object {
  const arn = `arn:aws:iam::123456789012:role/${role}`;
  return { userIdentity: { type: 'AssumedRole', sessionContext: { sessionIssuer: { arn } } }, ...event };
}

function trailLines(...events: readonly object[]): LoggedLine[] {
  return events.map((event) => ({
    logGroup: '/cody-batch/cody-batch-dev/trail',
    line: JSON.stringify(event),
  }));
}

/** What the canary logs of an answer. */
async function ask(
  template: Template,
  check: 'health' | 'page',
  status: number,
  body: string,
): Promise<LoggedLine[]> {
  const answer: RequestListener = (_request, response) => response.writeHead(status).end(body);
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    return await linesOf(template, 'canary', () => canary({ checks: [{ check, url }] }));
  } finally {
    server.close();
  }
}
