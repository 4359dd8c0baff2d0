import { GraphWidget, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { PERIOD } from './metrics.ts';

export const SUM = { period: PERIOD, statistic: 'Sum' } as const;
export const P99 = { period: PERIOD, statistic: 'p99' } as const;

/** A graph of half the dashboard's width. */
export function graph(title: string, left: readonly IMetric[], right: readonly IMetric[] = []): GraphWidget {
  return new GraphWidget({ title, width: 12, left: [...left], right: [...right] });
}
