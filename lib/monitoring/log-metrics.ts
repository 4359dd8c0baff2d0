import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, type IFilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { PERIOD } from './metrics.ts';

/**
 * Lines that Lambda writes, as plain text, when the code cannot log its failure: time-out, out of memory, or a bundle that
 * does not load. AWS/Lambda's Errors counts the same, but an alarm on it costs $0.10 a month for each function, so Errors is
 * on the dashboard only.
 */
export const CRASHES = FilterPattern.anyTerm(
  'Task timed out',
  'Status: timeout',
  'Status: error',
  'Runtime exited',
);

/** Lines of functions, and of workers, that say that the program itself failed. */
export const ERRORS = FilterPattern.any(
  FilterPattern.stringValue('$.level', '=', 'ERROR'),
  FilterPattern.stringValue('$.level', '=', 'error'),
);

/** Counts log lines. The metric has no default value, so it costs only in the hours in which something is counted. */
export function addLogMetric(
  scope: Construct,
  metricName: string,
  props: {
    readonly namespace: string;
    readonly logGroups: readonly ILogGroup[];
    readonly patterns: readonly IFilterPattern[];
  },
): Metric {
  const { namespace, logGroups, patterns } = props;
  const filters = logGroups.flatMap((logGroup) => patterns.map((pattern) => ({ logGroup, pattern })));
  for (const [i, { logGroup, pattern: filterPattern }] of filters.entries()) {
    new MetricFilter(scope, `${metricName}${i}`, {
      logGroup,
      filterPattern,
      metricNamespace: namespace,
      metricName,
      metricValue: '1',
    });
  }
  return new Metric({ namespace, metricName, statistic: 'Sum', period: PERIOD });
}
