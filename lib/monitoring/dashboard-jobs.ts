import { GraphWidget, type IMetric, type IWidget, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { MetricName } from '../../core/metrics.ts';
import { Outcome } from '../../core/repository-result.ts';
import type { Names } from '../names.ts';
import { graph, SUM } from './graph.ts';
import { ownMetric, PERIOD } from './metrics.ts';

export interface JobsProps {
  readonly names: Names;
  readonly stateMachine: StateMachine;
  /** The Labels of the state machine's Maps, whose children have separate metrics. */
  readonly mapLabels: readonly string[];
}

/** Runs and their child executions, repositories, and workers in the queue. */
export function jobRows(props: JobsProps): IWidget[][] {
  const { names, stateMachine, mapLabels } = props;
  const own = (name: MetricName) => ownMetric(names, name);
  const ends = [
    stateMachine.metricStarted(SUM),
    stateMachine.metricSucceeded(SUM),
    stateMachine.metricFailed(SUM),
    stateMachine.metricAborted(SUM),
  ];
  return [
    [
      graph('Jobs: executions and failures', ends, [own('FailedJobs'), own('FailedRepositories')]),
      graph('Repositories by outcome', outcomes(names), [own('ThrottledRepositories'), own('StuckJobs')]),
    ],
    mapLabels.map((label) => children(stateMachine, label, 24 / mapLabels.length)),
    [
      graph('Workers (Batch)', [
        ...(['RunnableWorkers', 'RunningWorkers'] as const).map((name) =>
          own(name).with({ statistic: 'Maximum' }),
        ),
        own('FailedWorkers'),
      ]),
      graph('Oldest worker that waits for capacity', [
        own('OldestRunnableSeconds').with({ statistic: 'Maximum' }),
      ]),
    ],
  ];
}

function outcomes(names: Names): IMetric[] {
  return [...Outcome.options, 'cancelled'].map((outcome) =>
    ownMetric(names, 'Repositories', { by: { Outcome: outcome } }).with({ label: outcome }),
  );
}

/**
 * Children of a Map are counted under the state machine's ARN followed by the Map's Label:
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html
 */
function children({ stateMachineArn }: StateMachine, label: string, width: number): GraphWidget {
  const left = ['ExecutionsStarted', 'ExecutionsFailed'].map(
    (metricName) =>
      new Metric({
        namespace: 'AWS/States',
        metricName,
        dimensionsMap: { StateMachineArn: `${stateMachineArn}/${label}` },
        ...SUM,
      }),
  );
  return new GraphWidget({ title: `${label}: child executions`, width, left });
}

/** Claude's tokens by kind, its bill, the share of the prompt that came from the cache, and what a change cost. */
export function claudeRow({ names }: JobsProps): IWidget[] {
  const own = (name: MetricName) => ownMetric(names, name);
  const tokens = {
    input: own('InputTokens'),
    write: own('CacheWriteTokens'),
    read: own('CacheReadTokens'),
  };
  const cacheShare = new MathExpression({
    expression: '100 * read / (input + write + read)',
    usingMetrics: tokens,
    period: PERIOD,
    label: 'Cache share, %',
  });
  const perChange = new MathExpression({
    expression: 'RUNNING_SUM(cost) / RUNNING_SUM(changed)',
    usingMetrics: {
      cost: own('CostUsd'),
      changed: ownMetric(names, 'Repositories', { by: { Outcome: 'changed' } }),
    },
    period: PERIOD,
    label: 'USD a changed repository',
  });
  return [
    graph('Claude: tokens by kind', [...Object.values(tokens), own('OutputTokens')], [cacheShare]),
    graph(
      'Claude: cost, USD, and unanswered requests',
      [own('CostUsd')],
      [perChange, own('UnansweredRequests')],
    ),
  ];
}

export function pullRequestRow({ names }: JobsProps): IWidget[] {
  const shown = [
    'PullRequestsOpened',
    'PullRequestsMerged',
    'PullRequestsRed',
    'PullRequestsFailed',
    'PullRequestsWaiting',
  ] as const;
  return [
    new GraphWidget({
      title: 'Pull requests',
      width: 24,
      left: shown.map((name) => ownMetric(names, name)),
    }),
  ];
}
