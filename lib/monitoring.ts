import { Aws, Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  LogQueryWidget,
  MathExpression,
  Metric,
  TextWidget,
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
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { JOB_ENDED } from '../lambdas/run/job-ended.ts';
import type { Names } from './names.ts';

type MetricsFromLogs = Readonly<
  Record<'functionErrors' | 'workerErrors' | 'failedJobs' | 'failedRepositories', Metric>
>;

export interface MonitoringProps {
  readonly names: Names;
  readonly stateMachine: StateMachine;
  readonly httpApi: HttpApi;
  readonly functions: readonly LambdaFunction[];
  /** Those of them that end jobs, and log a line for each (lambdas/run/job-ended.ts). */
  readonly jobEnders: readonly LambdaFunction[];
  readonly jobQueueArn: string;
  /** The Labels of the state machine's Maps: their children count by metrics of their own. */
  readonly mapLabels: readonly string[];
  readonly deadLetters: IQueue;
  readonly workerLogs: ILogGroup;
  /** @default - nobody; the topic takes subscriptions in any case */
  readonly alarmEmail?: string;
  /** What AWS may cost in a month before the topic is told. Claude's own bill is not AWS's. */
  readonly monthlyBudgetUsd: number;
}

/**
 * Five minutes: the shortest period whose metrics of idle services still cost nothing, and short beside jobs of an hour.
 */
const PERIOD = Duration.minutes(5);

/**
 * What Lambda itself writes, as plain text, of an invocation whose code could not say that it failed: its time ran out,
 * its memory did, or its bundle did not load. AWS/Lambda's Errors counts the same; an alarm on it would cost $0.10 a month
 * for each function, so it is on the dashboard only.
 */
const CRASHES = FilterPattern.anyTerm('Task timed out', 'Status: timeout', 'Status: error', 'Runtime exited');

/** A dashboard, few alarms that each ask for a person, metrics from logs, and a budget. */
export class Monitoring extends Construct {
  readonly topic: Topic;
  readonly #namespace: string;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.#namespace = `CodyBatch/${props.names.stack}`;
    this.topic = this.#topic(props);
    this.#tellOfBlockedQueue(props);
    const fromLogs = this.#metricsFromLogs(props);
    this.#alarms(props, fromLogs);
    this.#dashboard(props, fromLogs);
    this.#budget(props);
  }

  #topic({ names, alarmEmail }: MonitoringProps): Topic {
    const topic = new Topic(this, 'Alarms', { topicName: names.of('alarms'), enforceSSL: true });
    if (alarmEmail) topic.addSubscription(new EmailSubscription(alarmEmail));
    // A policy of one's own replaces SNS's default one, which lets every service of the account publish.
    const mayPublish = (service: string, ofWhat?: string) =>
      topic.addToResourcePolicy(
        new PolicyStatement({
          principals: [new ServicePrincipal(service)],
          actions: ['sns:Publish'],
          resources: [topic.topicArn],
          conditions: {
            StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
            ...(ofWhat && { ArnLike: { 'aws:SourceArn': ofWhat } }),
          },
        }),
      );
    const here = `${Aws.REGION}:${Aws.ACCOUNT_ID}`;
    mayPublish('cloudwatch.amazonaws.com', `arn:${Aws.PARTITION}:cloudwatch:${here}:alarm:${names.of('*')}`);
    mayPublish('budgets.amazonaws.com');
    return topic;
  }

  /** Batch looks at the head of the queue by itself; why it cannot start is in the event. */
  #tellOfBlockedQueue({ names, jobQueueArn }: MonitoringProps): void {
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

  /** Without a default value, so that a metric exists, and costs, only in the hours in which something is counted. */
  #metricsFromLogs({ functions, jobEnders, workerLogs }: MonitoringProps): MetricsFromLogs {
    const errors = FilterPattern.any(
      FilterPattern.stringValue('$.level', '=', 'ERROR'),
      FilterPattern.stringValue('$.level', '=', 'error'),
    );
    const ended = FilterPattern.stringValue('$.message', '=', JOB_ENDED);
    const count = (
      metricName: string,
      sources: readonly { readonly logGroup: ILogGroup }[],
      patterns: readonly IFilterPattern[],
      metricValue = '1',
    ): Metric => {
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
    };
    return {
      functionErrors: count('FunctionErrors', functions, [errors, CRASHES]),
      workerErrors: count('WorkerErrors', [{ logGroup: workerLogs }], [errors]),
      failedJobs: count('FailedJobs', jobEnders, [
        FilterPattern.all(ended, FilterPattern.stringValue('$.jobStatus', '=', 'failed')),
      ]),
      failedRepositories: count('FailedRepositories', jobEnders, [ended], '$.failedRepositories'),
    };
  }

  #alarms(
    { names, stateMachine, httpApi, deadLetters }: MonitoringProps,
    { functionErrors, failedJobs }: MetricsFromLogs,
  ): void {
    const alarm = (part: string, metric: IMetric, threshold: number, alarmDescription: string) => {
      const props: AlarmProps = {
        alarmName: names.of(part),
        alarmDescription: `${alarmDescription} docs/aws.md says what to do.`,
        metric,
        threshold,
        evaluationPeriods: 1,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      };
      new Alarm(this, part, props).addAlarmAction(new SnsAction(this.topic));
    };
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

  #dashboard(
    { names, stateMachine, httpApi, functions, mapLabels, deadLetters, workerLogs }: MonitoringProps,
    { functionErrors, workerErrors, failedJobs, failedRepositories }: MetricsFromLogs,
  ): void {
    const sum = { period: PERIOD, statistic: 'Sum' };
    const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
      new GraphWidget({ title, width: 12, left, right });
    new Dashboard(this, 'Dashboard', {
      dashboardName: `${names.stack}-${Aws.REGION}`,
      widgets: [
        [new TextWidget({ width: 24, height: 1, markdown: `# ${names.stack}` })],
        [
          graph(
            'Jobs: executions, and what ended failed',
            [
              stateMachine.metricStarted(sum),
              stateMachine.metricSucceeded(sum),
              stateMachine.metricFailed(sum),
              stateMachine.metricAborted(sum),
            ],
            [failedJobs, failedRepositories],
          ),
          ...mapLabels.map((label) =>
            graph(
              `${label}: one execution each`,
              ['ExecutionsStarted', 'ExecutionsSucceeded', 'ExecutionsFailed', 'ExecutionsAborted'].map(
                (metricName) => childMetric(stateMachine, label, metricName),
              ),
            ),
          ),
        ],
        [
          graph(
            'Errors',
            [functionErrors, workerErrors],
            [deadLetters.metricApproximateNumberOfMessagesVisible()],
          ),
        ],
        [
          graph(
            'API',
            [httpApi.metricCount(sum), httpApi.metricClientError(sum), httpApi.metricServerError(sum)],
            [httpApi.metricLatency({ period: PERIOD, statistic: 'p99' })],
          ),
          graph(
            'Functions: duration, p99',
            functions.map((step) => step.metricDuration({ period: PERIOD, statistic: 'p99' })),
          ),
        ],
        [
          graph(
            'Functions: errors',
            functions.map((step) => step.metricErrors(sum)),
          ),
          graph(
            'Functions: invocations',
            functions.map((step) => step.metricInvocations(sum)),
          ),
        ],
        [
          new LogQueryWidget({
            title: 'Workers: what went wrong last',
            width: 24,
            logGroupNames: [workerLogs.logGroupName],
            queryLines: [
              'fields @timestamp, message, repositoryName, jobId',
              'filter level = "error" or level = "warn"',
              'sort @timestamp desc',
              'limit 50',
            ],
          }),
        ],
      ],
    });
  }

  /** By the tag that everything here carries; Billing has to activate it once as a cost allocation tag. */
  #budget({ names, monthlyBudgetUsd }: MonitoringProps): void {
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

/**
 * Children of a Map count under the state machine's ARN with the Map's Label behind it:
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html
 */
function childMetric({ stateMachineArn }: StateMachine, label: string, metricName: string): Metric {
  return new Metric({
    namespace: 'AWS/States',
    metricName,
    dimensionsMap: { StateMachineArn: `${stateMachineArn}/${label}` },
    statistic: 'Sum',
    period: PERIOD,
  });
}
