import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { LambdaFunction } from '../lambda-function.ts';
import { addAlarms, watched } from './alarms.ts';
import { addBlockedQueueRule } from './blocked-queue.ts';
import { addBudget } from './budget.ts';
import { Canary, type CanaryProps } from './canary.ts';
import { type DashboardProps, OperationsDashboard } from './dashboard.ts';
import { addLogMetric, CRASHES, ERRORS } from './log-metrics.ts';
import { addQueries } from './queries.ts';
import { addAlarmTopic } from './topic.ts';
import { UnusualActivity } from './unusual-activity.ts';

export interface MonitoringProps
  extends CanaryProps,
    Omit<DashboardProps, 'functionErrors' | 'workerErrors'> {
  readonly functions: readonly LambdaFunction[];
  readonly tables: readonly ITable[];
  readonly jobQueueArn: string;
  readonly apiAccessLogs: ILogGroup;
  readonly accessLogs: IBucket;
  /** @default - no subscription; the topic accepts others */
  readonly alarmEmail?: string;
  /** Where docs/runbook.md can be read. */
  readonly runbookUrl?: string;
  /** The cost of AWS in a month at which the topic is notified. The cost of Claude's API is not part of it. */
  readonly monthlyBudgetUsd: number;
  /** The cost of Claude in a day at which the topic is notified. */
  readonly dailyClaudeUsd: number;
  /** Whether denied calls and reads of secrets are watched, by a trail. */
  readonly unusualActivity: boolean;
}

/** Alarms that need a person, each with a section of docs/runbook.md; metrics, a dashboard, queries, a canary, a budget. */
export class Monitoring extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { names, accessLogs, jobQueueArn, workerLogs } = props;
    this.topic = addAlarmTopic(this, props);
    const { topic } = this;
    const canary = new Canary(this, 'Canary', props);
    const functions = [...props.functions, canary.function];
    const functionLogs = functions.map(({ logGroup }) => logGroup);
    const namespace = names.metrics;
    const counted = {
      functionErrors: addLogMetric(this, 'FunctionErrors', {
        namespace,
        logGroups: functionLogs,
        patterns: [ERRORS, CRASHES],
      }),
      workerErrors: addLogMetric(this, 'WorkerErrors', {
        namespace,
        logGroups: [workerLogs],
        patterns: [ERRORS],
      }),
    };
    const unusual = props.unusualActivity
      ? new UnusualActivity(this, 'UnusualActivity', { names, accessLogs }).alarms
      : [];
    addAlarms(this, [...watched({ ...props, ...counted }), ...canary.alarms, ...unusual], {
      ...props,
      topic,
    });
    addBlockedQueueRule(this, { ...props, jobQueueArn, topic });
    addQueries(this, { names, functionLogs, workerLogs, apiAccessLogs: props.apiAccessLogs });
    new OperationsDashboard(this, 'Dashboard', { ...props, ...counted });
    addBudget(this, { ...props, topic });
  }
}
