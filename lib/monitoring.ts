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
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Names } from './names.ts';

export interface MonitoringProps {
  readonly names: Names;
  readonly stateMachine: StateMachine;
  readonly httpApi: HttpApi;
  readonly functions: readonly LambdaFunction[];
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

/** A dashboard, few alarms that each ask for a person, metrics from logs, and a budget. */
export class Monitoring extends Construct {
  readonly topic: Topic;
  readonly #namespace: string;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    this.#namespace = `CodyBatch/${props.names.stack}`;
    this.topic = this.#topic(props);
    const fromLogs = this.#metricsFromLogs(props);
    this.#alarms(props, fromLogs);
    this.#dashboard(props, fromLogs);
    this.#budget(props);
  }

  #topic({ names, alarmEmail }: MonitoringProps): Topic {
    const topic = new Topic(this, 'Alarms', { topicName: names.of('alarms'), enforceSSL: true });
    if (alarmEmail) topic.addSubscription(new EmailSubscription(alarmEmail));
    topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('budgets.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    );
    return topic;
  }

  /** Without a default value, so that a metric exists, and costs, only in the hours in which something is counted. */
  #metricsFromLogs({ functions, workerLogs }: MonitoringProps) {
    const count = (metricName: string, logGroups: readonly ILogGroup[]): Metric => {
      for (const [i, logGroup] of logGroups.entries()) {
        new MetricFilter(this, `${metricName}${i}`, {
          logGroup,
          filterPattern: FilterPattern.any(
            FilterPattern.stringValue('$.level', '=', 'ERROR'),
            FilterPattern.stringValue('$.level', '=', 'error'),
          ),
          metricNamespace: this.#namespace,
          metricName,
          metricValue: '1',
        });
      }
      return new Metric({ namespace: this.#namespace, metricName, statistic: 'Sum', period: PERIOD });
    };
    return {
      functionErrors: count(
        'FunctionErrors',
        functions.map(({ logGroup }) => logGroup),
      ),
      workerErrors: count('WorkerErrors', [workerLogs]),
    };
  }

  #alarms(
    { names, stateMachine, httpApi, deadLetters }: MonitoringProps,
    { functionErrors }: { functionErrors: Metric },
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
        expression: 'failed + timedOut',
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
    alarm('function-errors', functionErrors, 20, 'Functions failed more often than retries explain.');
  }

  #dashboard(
    { names, stateMachine, httpApi, functions, deadLetters, workerLogs }: MonitoringProps,
    { functionErrors, workerErrors }: { functionErrors: Metric; workerErrors: Metric },
  ): void {
    const sum = { period: PERIOD, statistic: 'Sum' };
    const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
      new GraphWidget({ title, width: 12, left, right });
    new Dashboard(this, 'Dashboard', {
      dashboardName: names.stack,
      widgets: [
        [new TextWidget({ width: 24, height: 1, markdown: `# ${names.stack}` })],
        [
          graph('Executions: jobs, and one for each repository', [
            stateMachine.metricStarted(sum),
            stateMachine.metricSucceeded(sum),
            stateMachine.metricFailed(sum),
            stateMachine.metricAborted(sum),
          ]),
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
        budgetName: names.of('monthly'),
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
