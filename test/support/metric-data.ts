import { matcher } from '../../local/logs/filter-pattern.ts';
import { flat, type Json, ofType, type Template } from './synthesized.ts';

/** A value of a metric. Dimensions are in the order of their names. */
export type Datum = {
  namespace: string;
  metric: string;
  dimensions: Readonly<Record<string, string>>;
  value: number;
};

/** A line and its log group. */
export type LoggedLine = { logGroup: string; line: string };

/** What CloudWatch makes of lines: by the metric filters of a template, and by the embedded metric format. */
export function dataOf(template: Template, lines: readonly LoggedLine[]): Datum[] {
  return lines.flatMap(({ logGroup, line }) => [...filtered(template, logGroup, line), ...embedded(line)]);
}

function filtered(template: Template, logGroup: string, line: string): Datum[] {
  return ofType(template, 'AWS::Logs::MetricFilter').flatMap(([, filter]) => {
    if (nameOfGroup(template, filter.LogGroupName) !== logGroup) return [];
    if (!matcher(filter.FilterPattern)(line)) return [];
    return filter.MetricTransformations.map(({ MetricNamespace, MetricName, MetricValue }: Json) => ({
      namespace: MetricNamespace,
      metric: MetricName,
      dimensions: {},
      value: Number(MetricValue),
    }));
  });
}

function nameOfGroup(template: Template, reference: Json): string {
  const id = flat(reference).slice(1, -1);
  return flat(template.Resources[id]!.Properties.LogGroupName);
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
export function embedded(line: string): Datum[] {
  let event: Json;
  try {
    event = JSON.parse(line);
  } catch {
    return [];
  }
  const directives: Json[] = event?._aws?.CloudWatchMetrics ?? [];
  return directives.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names: string[]) =>
      Metrics.flatMap(({ Name }: Json) =>
        [event[Name]].flat().map((value: number) => ({
          namespace: Namespace,
          metric: Name,
          dimensions: Object.fromEntries(names.map((name) => [name, String(event[name])])),
          value,
        })),
      ),
    ),
  );
}

/**
 * Whether an alarm goes off if the data come in each of its periods, by its statistic, its metric math and its threshold.
 * `periods` is in how many of them they come.
 */
export function goesOff(alarm: Json, data: readonly Datum[], periods = alarm.EvaluationPeriods): boolean {
  if (
    alarm.ComparisonOperator !== 'GreaterThanOrEqualToThreshold' ||
    alarm.TreatMissingData !== 'notBreaching'
  )
    throw new TypeError(`An alarm of another kind: ${alarm.AlarmName}`);
  const value = alarm.Metrics ? mathOf(alarm.Metrics, data) : statisticOf(alarm, alarm.Statistic, data);
  const breaching = value !== undefined && value >= alarm.Threshold;
  return breaching && periods >= (alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods);
}

/** Returns undefined if there are no data. */
function statisticOf(
  { Namespace, MetricName, Dimensions = [] }: Json,
  statistic: string,
  data: readonly Datum[],
): number | undefined {
  const wanted = JSON.stringify(Dimensions.map(({ Name, Value }: Json) => [Name, flat(Value)]).sort());
  const values = data
    .filter(
      ({ namespace, metric, dimensions }) =>
        namespace === Namespace &&
        metric === MetricName &&
        JSON.stringify(Object.entries(dimensions).sort()) === wanted,
    )
    .map(({ value }) => value);
  if (values.length === 0) return undefined;
  if (statistic === 'Maximum') return Math.max(...values);
  if (statistic === 'Sum') return values.reduce((sum, value) => sum + value, 0);
  throw new TypeError(`Unknown statistic: ${statistic}`);
}

/** Sums of `FILL(id, number)` only. */
function mathOf(metrics: readonly Json[], data: readonly Datum[]): number | undefined {
  const { Expression } = metrics.find(({ Expression }) => Expression)!;
  return Expression.split('+').reduce((sum: number, term: string) => {
    const [, id, fill] = /^\s*FILL\((\w+), (\d+)\)\s*$/.exec(term) ?? [];
    const one = metrics.find(({ Id }) => Id === id)?.MetricStat;
    if (!one) throw new SyntaxError(`Unknown metric math: ${Expression}`);
    return sum + (statisticOf(one.Metric, one.Stat, data) ?? Number(fill));
  }, 0);
}
