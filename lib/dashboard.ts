import { Aws, type Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  Metric,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Names } from './names.ts';

/** Metrics that are counted from log lines. */
export type LogMetrics = Readonly<
  Record<'functionErrors' | 'workerErrors' | 'failedJobs' | 'failedRepositories', Metric>
>;

export interface DashboardProps {
  readonly names: Names;
  readonly stateMachine: StateMachine;
  readonly httpApi: HttpApi;
  readonly functions: readonly LambdaFunction[];
  /** The Labels of the state machine's Maps, whose children have separate metrics. */
  readonly mapLabels: readonly string[];
  readonly deadLetters: IQueue;
  readonly workerLogs: ILogGroup;
  readonly logMetrics: LogMetrics;
  readonly period: Duration;
}

/** The dashboard of an environment: jobs, errors, API, functions, and the last errors of workers. */
export class OperationsDashboard extends Dashboard {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id, {
      dashboardName: `${props.names.stack}-${Aws.REGION}`,
      widgets: [
        [new TextWidget({ width: 24, height: 1, markdown: `# ${props.names.stack}` })],
        jobs(props),
        errors(props),
        api(props),
        functions(props),
        [workerLog(props)],
      ],
    });
  }
}

function graph(title: string, left: IMetric[], right: IMetric[] = []): GraphWidget {
  return new GraphWidget({ title, width: 12, left, right });
}

function jobs({ stateMachine, mapLabels, logMetrics, period }: DashboardProps): IWidget[] {
  const sum = { period, statistic: 'Sum' };
  const ends = [
    stateMachine.metricStarted(sum),
    stateMachine.metricSucceeded(sum),
    stateMachine.metricFailed(sum),
    stateMachine.metricAborted(sum),
  ];
  const names = ['ExecutionsStarted', 'ExecutionsSucceeded', 'ExecutionsFailed', 'ExecutionsAborted'];
  return [
    graph('Jobs: executions and failures', ends, [logMetrics.failedJobs, logMetrics.failedRepositories]),
    ...mapLabels.map((label) =>
      graph(
        `${label}: child executions`,
        names.map((name) => childMetric(stateMachine, label, name, period)),
      ),
    ),
  ];
}

function errors({ logMetrics, deadLetters }: DashboardProps): IWidget[] {
  const { functionErrors, workerErrors } = logMetrics;
  return [
    graph('Errors', [functionErrors, workerErrors], [deadLetters.metricApproximateNumberOfMessagesVisible()]),
  ];
}

function api({ httpApi, functions, period }: DashboardProps): IWidget[] {
  const sum = { period, statistic: 'Sum' };
  const p99 = { period, statistic: 'p99' };
  return [
    graph(
      'API',
      [httpApi.metricCount(sum), httpApi.metricClientError(sum), httpApi.metricServerError(sum)],
      [httpApi.metricLatency(p99)],
    ),
    graph(
      'Functions: duration, p99',
      functions.map((each) => each.metricDuration(p99)),
    ),
  ];
}

function functions({ functions, period }: DashboardProps): IWidget[] {
  const sum = { period, statistic: 'Sum' };
  return [
    graph(
      'Functions: errors',
      functions.map((each) => each.metricErrors(sum)),
    ),
    graph(
      'Functions: invocations',
      functions.map((each) => each.metricInvocations(sum)),
    ),
  ];
}

function workerLog({ workerLogs }: DashboardProps): IWidget {
  return new LogQueryWidget({
    title: 'Workers: latest errors and warnings',
    width: 24,
    logGroupNames: [workerLogs.logGroupName],
    queryLines: [
      'fields @timestamp, message, repositoryName, jobId',
      'filter level = "error" or level = "warn"',
      'sort @timestamp desc',
      'limit 50',
    ],
  });
}

/**
 * Children of a Map are counted under the state machine's ARN followed by the Map's Label:
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html
 */
function childMetric(
  { stateMachineArn }: StateMachine,
  label: string,
  metricName: string,
  period: Duration,
): Metric {
  return new Metric({
    namespace: 'AWS/States',
    metricName,
    dimensionsMap: { StateMachineArn: `${stateMachineArn}/${label}` },
    statistic: 'Sum',
    period,
  });
}
