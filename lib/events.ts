import { Duration } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { type EventPattern, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget } from 'aws-cdk-lib/aws-events-targets';
import { EventSourceMapping, FilterCriteria, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { SettingsError } from '../core/errors.ts';
import { EVENT_RULES, type EventFunction, JOB_CHANGES, TRACKING_MINUTES } from '../core/events.ts';
import type { Access } from './access.ts';
import type { FunctionBundle } from './bundles.ts';
import { type FunctionSetting, LambdaFunction } from './lambda-function.ts';
import { ENDED_ROWS, pascalCase } from './steps.ts';

export interface EventsProps extends FunctionSetting {
  readonly bundles: readonly FunctionBundle[];
}

type Occasion = { readonly access: Access; readonly memoryMiB?: number } & (
  | { readonly on: (resources: FunctionSetting['resources']) => EventPattern }
  | { readonly every: Duration }
  | { readonly changes: readonly Readonly<Record<string, string>>[] }
);

/** The access of functions that clean up a run. */
const ENDING: Access = {
  jobs: ['GetItem', 'UpdateItem'],
  repositories: ENDED_ROWS,
  artifacts: ['read', 'write', 'remove'],
  batchJobs: true,
};

/** What sends notices: it writes the outbox, and reads jobs. */
const SENDING: Access = { secrets: ['NOTICE_SIGNING_KEY'], notices: true };

const OCCASIONS: Readonly<Record<string, Occasion>> = {
  ExecutionEnded: {
    access: ENDING,
    // May hold every row of a job.
    memoryMiB: 2048,
    // Matches jobs only: the children of a Map have the state machine's ARN followed by a label.
    on: ({ stateMachineArn }) => patternOf('ExecutionEnded', { stateMachineArn: [stateMachineArn] }),
  },
  BatchJobRunning: {
    access: { repositories: ['UpdateItem'] },
    on: ({ jobQueueArn }) => patternOf('BatchJobRunning', { jobQueue: [jobQueueArn] }),
  },
  TrackPullRequests: {
    access: {
      jobs: ['Query', 'GetItem', 'UpdateItem'],
      repositories: ['Query', 'QueryTable', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
      artifacts: ['read', 'write', 'remove'],
      executions: ['StartExecution'],
      secrets: ['GITHUB_TOKEN'],
    },
    every: Duration.minutes(TRACKING_MINUTES),
  },
  JobChanged: {
    access: { ...SENDING, jobs: ['GetItem', 'PutItem', 'UpdateItem'], stream: true },
    changes: JOB_CHANGES,
  },
  SendNotices: {
    access: { ...SENDING, jobs: ['Query', 'UpdateItem'] },
    every: Duration.minutes(1),
  },
  Reconcile: {
    access: {
      ...ENDING,
      jobs: ['GetItem', 'UpdateItem', 'Query'],
      repositories: [...ENDED_ROWS, 'QueryTable', 'Query'],
      executions: ['StartExecution', 'DescribeExecution', 'StopExecution'],
    },
    // May hold every row too, but it runs all day and mostly finds nothing to do.
    memoryMiB: 1024,
    every: Duration.minutes(5),
  },
};

function patternOf(name: EventFunction, within: Record<string, string[]>): EventPattern {
  const { source, detailType, statuses } = EVENT_RULES[name];
  return { source: [source], detailType: [detailType], detail: { ...within, status: [...statuses] } };
}

/** The functions of `lambdas/events`, the rules that invoke them, and their dead-letter queue. */
export class Events extends Construct {
  readonly functions: Readonly<Record<string, LambdaFunction>>;
  readonly deadLetters: Queue;
  /** Gets the notices of all jobs; people and services subscribe to it. */
  readonly notices: Topic;

  constructor(scope: Construct, id: string, props: EventsProps) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'DeadLetters', {
      queueName: props.names.of('dead-letters'),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    this.notices = new Topic(this, 'Notices', { topicName: props.names.of('notices'), enforceSSL: true });
    this.functions = Object.fromEntries(
      props.bundles
        .filter(({ kind }) => kind === 'events')
        .map((bundle) => {
          const name = pascalCase(bundle.name);
          return [name, this.#listen(name, bundle, props)];
        }),
    );
  }

  #listen(name: string, bundle: FunctionBundle, props: EventsProps): LambdaFunction {
    const occasion = OCCASIONS[name];
    if (!occasion)
      throw new SettingsError(
        `lambdas/events/${bundle.name}.ts has no entry in OCCASIONS of lib/events.ts. Add one with its rule and its access.`,
      );
    const listener = new LambdaFunction(this, name, {
      ...props,
      bundle,
      access: occasion.access,
      memoryMiB: occasion.memoryMiB,
      options: { deadLetterQueue: this.deadLetters, retryAttempts: 2 },
    });
    if ('changes' in occasion) {
      this.#readChanges(listener, occasion.changes, props.resources.jobsTable);
      return listener;
    }
    new Rule(this, `${name}Rule`, {
      ruleName: props.names.of(bundle.name),
      ...('on' in occasion
        ? { eventPattern: occasion.on(props.resources) }
        : { schedule: Schedule.rate(occasion.every) }),
      targets: [
        new FunctionTarget(listener, { deadLetterQueue: this.deadLetters, maxEventAge: Duration.hours(6) }),
      ],
    });
    return listener;
  }

  /** A batch that fails is split and tried again for 6 hours; the dead letters then say where in the stream it is. */
  #readChanges(
    listener: LambdaFunction,
    changes: readonly Readonly<Record<string, string>>[],
    { tableStreamArn }: ITable,
  ): void {
    const ofImage = (attributes: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, { S: [value] }]));
    new EventSourceMapping(this, 'JobChanges', {
      target: listener,
      eventSourceArn: tableStreamArn!,
      startingPosition: StartingPosition.LATEST,
      batchSize: 10,
      bisectBatchOnError: true,
      maxRecordAge: Duration.hours(6),
      filters: changes.map((attributes) =>
        FilterCriteria.filter({ dynamodb: { NewImage: ofImage(attributes) } }),
      ),
      onFailure: { bind: () => ({ destination: this.deadLetters.queueArn }) },
    });
  }
}
