import { GraphWidget, type IMetric, SearchExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { PERIOD } from './metrics.ts';

export const SUM = { period: PERIOD, statistic: 'Sum' } as const;
export const P99 = { period: PERIOD, statistic: 'p99' } as const;

/** A graph of half the dashboard's width. */
export function graph(title: string, left: readonly IMetric[], right: readonly IMetric[] = []): GraphWidget {
  return new GraphWidget({ title, width: 12, left: [...left], right: [...right] });
}

/**
 * One line for each function or table of the environment. As one expression, since a dashboard of more than 50 metrics
 * costs $3 a month (docs/aws.md).
 */
export function each(
  stack: string,
  [namespace, dimension]: readonly ['AWS/Lambda', 'FunctionName'] | readonly ['AWS/DynamoDB', 'TableName'],
  metricName: string,
  statistic: 'Sum' | 'p99' = 'Sum',
): SearchExpression {
  const search = `{${namespace},${dimension}} MetricName="${metricName}" ${stack}`;
  return new SearchExpression({
    expression: `SEARCH('${search}', '${statistic}', ${PERIOD.toSeconds()})`,
    label: `\${PROP('MetricName')} \${PROP('Dim.${dimension}')}`,
    period: PERIOD,
  });
}
