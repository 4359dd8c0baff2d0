import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { type IWidget, LogQueryWidget, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Names } from '../names.ts';
import { each, graph, P99, SUM } from './graph.ts';
import { PERIOD } from './metrics.ts';

export interface ServicesProps {
  readonly httpApi: HttpApi;
  readonly names: Names;
  readonly deadLetters: IQueue;
  readonly workerLogs: ILogGroup;
  readonly functionErrors: Metric;
  readonly workerErrors: Metric;
  /** @default - no page is deployed */
  readonly distributionId?: string;
  /** Whether CloudFront publishes its hit ratio, which it charges for. */
  readonly cacheMetrics: boolean;
}

export function apiRow({ httpApi, functionErrors, workerErrors, deadLetters }: ServicesProps): IWidget[] {
  return [
    graph(
      'API: requests, errors and latency (p99)',
      [httpApi.metricCount(SUM), httpApi.metricClientError(SUM), httpApi.metricServerError(SUM)],
      [httpApi.metricLatency(P99)],
    ),
    graph(
      'Errors in the logs, and dead letters',
      [functionErrors, workerErrors],
      [deadLetters.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' })],
    ),
  ];
}

export function functionRows({ names }: ServicesProps): IWidget[][] {
  const of = (metricName: string, statistic?: 'p99') =>
    each(names.stack, ['AWS/Lambda', 'FunctionName'], metricName, statistic);
  return [
    [graph('Functions: invocations', [of('Invocations')]), graph('Functions: errors', [of('Errors')])],
    [
      graph('Functions: duration, p99', [of('Duration', 'p99')]),
      graph('Functions: throttles', [of('Throttles')]),
    ],
  ];
}

export function tableRow({ names }: ServicesProps): IWidget[] {
  const of = (metricName: string) => each(names.stack, ['AWS/DynamoDB', 'TableName'], metricName);
  return [
    graph('Tables: consumed capacity', [of('ConsumedReadCapacityUnits'), of('ConsumedWriteCapacityUnits')]),
    graph('Tables: throttled', [of('ReadThrottleEvents'), of('WriteThrottleEvents')]),
  ];
}

/** CloudFront's metrics are in us-east-1, whatever the region of the stack. */
export function webRow(distributionId: string, cacheMetrics: boolean): IWidget[] {
  const metric = (metricName: string, statistic: string) =>
    new Metric({
      namespace: 'AWS/CloudFront',
      metricName,
      dimensionsMap: { DistributionId: distributionId, Region: 'Global' },
      region: 'us-east-1',
      statistic,
      period: PERIOD,
    });
  const errors = [metric('4xxErrorRate', 'Average'), metric('5xxErrorRate', 'Average')];
  return [
    graph('Page (CloudFront): requests', [metric('Requests', 'Sum')]),
    graph(
      'Page (CloudFront): error rates and hit ratio, %',
      errors,
      cacheMetrics ? [metric('CacheHitRate', 'Average')] : [],
    ),
  ];
}

export function workerLogRow({ workerLogs }: ServicesProps): IWidget[] {
  return [
    new LogQueryWidget({
      title: 'Workers: latest errors and warnings',
      width: 24,
      logGroupNames: [workerLogs.logGroupName],
      queryLines: [
        'fields @timestamp, message, repositoryName, jobId',
        'filter level = "error" or level = "warn"',
        'sort @timestamp desc',
        'limit 50',
      ],
    }),
  ];
}
