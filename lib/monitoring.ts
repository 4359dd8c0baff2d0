import { Aws, Duration } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, type IFilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { JOB_ENDED } from '../lambdas/run/job-ended.ts';
import { type DashboardProps, type LogMetrics, OperationsDashboard } from './dashboard.ts';
import type { Names } from './names.ts';

export interface MonitoringProps extends Omit<DashboardProps, 'logMetrics' | 'period'> {
  /** The functions that end jobs, and log a line for each (lambdas/run/job-ended.ts). */
  readonly jobEnders: readonly LambdaFunction[];
  readonly jobQueueArn: string;
  /** @default - no subscription; the topic accepts others */
  readonly alarmEmail?: string;
  /** The cost of AWS in a month at which the topic is notified. The cost of Claude's API is not part of it. */
  readonly monthlyBudgetUsd: number;
}

/** The shortest period at which metrics of idle services cost nothing. */
const PERIOD = Duration.minutes(5);

/**
 * Lines that Lambda writes, as plain text, when the code cannot log its failure: time-out, out of memory, or a bundle that
 * does not load. AWS/Lambda's Errors counts the same, but an alarm on it costs $0.10 a month for each function, so Errors is
 * on the dashboard only.
 */
const CRASHES = FilterPattern.anyTerm('Task timed out', 'Status: timeout', 'Status: error', 'Runtime exited');

/** Alarms that need a person, metrics from logs, a dashboard and a budget. */
export class Monitoring extends Construct {
  readonly topic: Topic;
  readonly #namespace: string;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.#namespace = `CodyBatch/${props.names.stack}`;
    this.topic = this.#addTopic(props);
    this.#addBlockedQueueRule(props);
    const logMetrics = this.#addLogMetrics(props);
    this.#addAlarms(props, logMetrics);
    new OperationsDashboard(this, 'Dashboard', { ...props, logMetrics, period: PERIOD });
    this.#addBudget(props);
  }

  #addTopic({ names, alarmEmail }: MonitoringProps): Topic {
    const topic = new Topic(this, 'Alarms', { topicName: names.of('alarms'), enforceSSL: true });
    if (alarmEmail) topic.addSubscription(new EmailSubscription(alarmEmail));
    // This policy replaces SNS's default policy, which lets every service of the account publish.
    const allowPublishing = (service: string, sourceArn?: string) =>
      topic.addToResourcePolicy(
        new PolicyStatement({
          principals: [new ServicePrincipal(service)],
          actions: ['sns:Publish'],
          resources: [topic.topicArn],
          conditions: {
            StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
            ...(sourceArn && { ArnLike: { 'aws:SourceArn': sourceArn } }),
          },
        }),
      );
    const here = `${Aws.REGION}:${Aws.ACCOUNT_ID}`;
    const alarms = `arn:${Aws.PARTITION}:cloudwatch:${here}:alarm:${names.of('*')}`;
    allowPublishing('cloudwatch.amazonaws.com', alarms);
    allowPublishing('budgets.amazonaws.com');
    return topic;
  }

  /** Batch watches the head of the queue; the event has the reason why it cannot start. */
  #addBlockedQueueRule({ names, jobQueueArn }: MonitoringProps): void {
    new Rule(this, 'QueueBlocked', {
      ruleName: names.of('queue-blocked'),
      eventPattern: {
        source: ['aws.batch'],
        detailType: ['Batch Job Queue Blocked'],
        detail: { jobQueue: [jobQueueArn] },
      },
      targets: [new SnsTopic(this.topic)],
    });
  }

  /** The metrics have no default value, so each costs only in the hours in which something is counted. */
  #addLogMetrics({ functions, jobEnders, workerLogs }: MonitoringProps): LogMetrics {
    const errors = FilterPattern.any(
      FilterPattern.stringValue('$.level', '=', 'ERROR'),
      FilterPattern.stringValue('$.level', '=', 'error'),
    );
    const ended = FilterPattern.stringValue('$.message', '=', JOB_ENDED);
    const failed = FilterPattern.all(ended, FilterPattern.stringValue('$.jobStatus', '=', 'failed'));
    return {
      functionErrors: this.#addLogMetric('FunctionErrors', functions, [errors, CRASHES]),
      workerErrors: this.#addLogMetric('WorkerErrors', [{ logGroup: workerLogs }], [errors]),
      failedJobs: this.#addLogMetric('FailedJobs', jobEnders, [failed]),
      failedRepositories: this.#addLogMetric(
        'FailedRepositories',
        jobEnders,
        [ended],
        '$.failedRepositories',
      ),
    };
  }

  #addLogMetric(
    metricName: string,
    sources: readonly { readonly logGroup: ILogGroup }[],
    patterns: readonly IFilterPattern[],
    metricValue = '1',
  ): Metric {
    const filters = sources.flatMap(({ logGroup }) => patterns.map((pattern) => ({ logGroup, pattern })));
    for (const [i, { logGroup, pattern: filterPattern }] of filters.entries()) {
      new MetricFilter(this, `${metricName}${i}`, {
        logGroup,
        filterPattern,
        metricNamespace: this.#namespace,
        metricName,
        metricValue,
      });
    }
    return new Metric({ namespace: this.#namespace, metricName, statistic: 'Sum', period: PERIOD });
  }

  #addAlarms(
    { names, stateMachine, httpApi, deadLetters }: MonitoringProps,
    { functionErrors, failedJobs }: LogMetrics,
  ): void {
    const alarm = (part: string, metric: IMetric, threshold: number, description: string) =>
      this.#addAlarm(names, part, { metric, threshold, alarmDescription: description });
    const sum = { period: PERIOD, statistic: 'Sum' };
    alarm(
      'executions-failed',
      new MathExpression({
        expression: 'FILL(failed, 0) + FILL(timedOut, 0)',
        usingMetrics: {
          failed: stateMachine.metricFailed(sum),
          timedOut: stateMachine.metricTimedOut(sum),
        },
        period: PERIOD,
      }),
      1,
      'The lifecycle of a job broke.',
    );
    alarm(
      'dead-letters',
      deadLetters.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' }),
      1,
      'An event could not be handled; what it was about may need the reconciler or a person.',
    );
    alarm('api-errors', httpApi.metricServerError(sum), 5, 'The API answered 5xx.');
    alarm('failed-jobs', failedJobs, 1, 'A job failed: none of its repositories completed, or it broke.');
    alarm('function-errors', functionErrors, 20, 'Functions failed more often than retries explain.');
  }

  #addAlarm(
    names: Names,
    part: string,
    { alarmDescription, ...props }: Pick<AlarmProps, 'metric' | 'threshold' | 'alarmDescription'>,
  ): void {
    const alarm = new Alarm(this, part, {
      ...props,
      alarmName: names.of(part),
      alarmDescription: `${alarmDescription} docs/aws.md says what to do.`,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
  }

  /** Counts resources by their tag, which Billing has to activate once as a cost allocation tag. */
  #addBudget({ names, monthlyBudgetUsd }: MonitoringProps): void {
    const environment = names.stack.replace('cody-batch-', '');
    const subscribers = [{ subscriptionType: 'SNS', address: this.topic.topicArn }];
    new CfnBudget(this, 'Budget', {
      budget: {
        budgetName: names.acrossRegions('monthly'),
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: monthlyBudgetUsd, unit: 'USD' },
        costFilters: { TagKeyValue: [`user:cody-batch:environment$${environment}`] },
      },
      notificationsWithSubscribers: [
        {
          notification: { notificationType: 'ACTUAL', comparisonOperator: 'GREATER_THAN', threshold: 80 },
          subscribers,
        },
        {
          notification: {
            notificationType: 'FORECASTED',
            comparisonOperator: 'GREATER_THAN',
            threshold: 100,
          },
          subscribers,
        },
      ],
    });
  }
}
