import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRIC_SERVICE, type MetricName } from '../../core/metrics.ts';
import type { Names } from '../names.ts';

/** The shortest period at which metrics of idle services cost nothing. */
export const PERIOD = Duration.minutes(5);

/** The sum of a metric that functions and workers write into their logs. */
export function ownMetric(
  names: Names,
  metricName: MetricName,
  { by = {}, period = PERIOD }: { by?: Record<string, string>; period?: Duration } = {},
): Metric {
  return new Metric({
    namespace: names.metrics,
    metricName,
    dimensionsMap: { service: METRIC_SERVICE, ...by },
    statistic: 'Sum',
    period,
  });
}

/** The sum of several metrics, of which one without data counts as 0. */
export function sumOf(metrics: Record<string, IMetric>, label?: string): MathExpression {
  const terms = Object.keys(metrics).map((id) => `FILL(${id}, 0)`);
  return new MathExpression({ expression: terms.join(' + '), usingMetrics: metrics, period: PERIOD, label });
}
