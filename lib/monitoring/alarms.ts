import { Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  type Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Names } from '../names.ts';
import { ownMetric, PERIOD, sumOf } from './metrics.ts';
import { runbookSection } from './runbook.ts';

/** What an alarm watches; `part` is the last part of its name, and its section in docs/runbook.md. */
export interface AlarmShape {
  readonly part: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** What happened, as a sentence. */
  readonly description: string;
  /** @default 1 */
  readonly periods?: number;
}

export interface AlarmsProps {
  readonly names: Names;
  readonly topic: ITopic;
  readonly runbookUrl?: string;
}

/** Adds alarms that notify a topic and name their section of the runbook. Missing data set off none. */
export function addAlarms(scope: Construct, shapes: readonly AlarmShape[], props: AlarmsProps): void {
  const { names, topic, runbookUrl } = props;
  for (const { part, metric, threshold, description, periods = 1 } of shapes) {
    const alarm = new Alarm(scope, part, {
      metric,
      threshold,
      alarmName: names.of(part),
      alarmDescription: `${description} What to do: ${runbookSection(runbookUrl, part)}`,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(topic));
  }
}

export interface WatchedProps {
  readonly names: Names;
  readonly stateMachine: StateMachine;
  readonly httpApi: HttpApi;
  readonly deadLetters: IQueue;
  readonly tables: readonly ITable[];
  readonly functionErrors: Metric;
  readonly workerErrors: Metric;
  /** The cost of Claude in a day, USD, at which the topic is notified. */
  readonly dailyClaudeUsd: number;
}

/** What is watched of jobs, functions, tables, the API and the cost of Claude. */
export function watched(props: WatchedProps): AlarmShape[] {
  const { names, deadLetters, functionErrors, workerErrors, dailyClaudeUsd } = props;
  return [
    ...jobAlarms(props),
    ...serviceAlarms(names),
    {
      part: 'dead-letters',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' }),
      threshold: 1,
      description: 'An event could not be handled; the reconciler or a person has to make up for it.',
    },
    {
      part: 'api-errors',
      metric: props.httpApi.metricServerError({ period: PERIOD, statistic: 'Sum' }),
      threshold: 1,
      description: 'The API answered 5xx.',
    },
    {
      part: 'function-errors',
      metric: functionErrors,
      threshold: 20,
      description: 'Functions failed more often than retries explain.',
    },
    {
      part: 'worker-errors',
      metric: workerErrors,
      threshold: 5,
      description: 'Workers ended by errors that they did not expect.',
    },
    {
      part: 'table-throttles',
      metric: throttlesOf(props.tables),
      threshold: 1,
      description: 'DynamoDB throttled writes of a table.',
    },
    {
      part: 'claude-spending',
      metric: ownMetric(names, 'CostUsd', { period: Duration.days(1) }),
      threshold: dailyClaudeUsd,
      description: `Claude's answers cost $${dailyClaudeUsd} or more within a day.`,
    },
  ];
}

/** What workers and functions notice of the services that they need. */
function serviceAlarms(names: Names): AlarmShape[] {
  return [
    {
      part: 'claude-unavailable',
      metric: ownMetric(names, 'UnansweredRequests'),
      // Each is minutes of retries of one worker; a single one may be the worker's own network.
      threshold: 3,
      description: "Claude's service fails, is overloaded or cannot be reached; repositories wait for it.",
    },
    {
      part: 'artifacts-unsaved',
      metric: ownMetric(names, 'UnsavedArtifacts'),
      // The SDK has already tried each three times.
      threshold: 3,
      description: 'Workers could not save what Claude answered, and try again for a minute.',
    },
    {
      part: 'damaged-rows',
      metric: ownMetric(names, 'DamagedRows'),
      threshold: 1,
      description: 'A row has values that no version writes.',
    },
  ];
}

function jobAlarms({ names, stateMachine }: WatchedProps): AlarmShape[] {
  return [
    {
      part: 'executions-failed',
      // It has no time limit, so none times out.
      metric: stateMachine.metricFailed({ period: PERIOD, statistic: 'Sum' }),
      threshold: 1,
      description: 'The lifecycle of a job broke.',
    },
    {
      part: 'failed-jobs',
      metric: ownMetric(names, 'FailedJobs'),
      threshold: 1,
      description: 'A job failed: none of its repositories completed, or it broke.',
    },
    {
      part: 'failed-repositories',
      metric: ownMetric(names, 'FailedRepositories'),
      threshold: 10,
      description: 'Ten or more repositories failed in jobs that ended within five minutes.',
    },
    {
      part: 'stuck-jobs',
      metric: ownMetric(names, 'StuckJobs'),
      threshold: 1,
      description: 'Nothing has changed in a running job for hours.',
    },
  ];
}

/**
 * Writes alone: workers and steps write, and reads are far from a partition's limit; the dashboard shows both. Metrics of a
 * whole table, since ThrottledRequests has another dimension for each operation.
 */
function throttlesOf(tables: readonly ITable[]): IMetric {
  const metrics = tables.map(
    (table, i) =>
      [`writes${i}`, table.metric('WriteThrottleEvents', { period: PERIOD, statistic: 'Sum' })] as const,
  );
  return sumOf(Object.fromEntries(metrics));
}
