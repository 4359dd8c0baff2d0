import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/** The metrics of functions and workers, with their units. lib/monitoring/ has the alarms and the dashboard of them. */
export const METRICS = {
  /** Runs that the API began. */
  StartedRuns: MetricUnit.Count,
  FailedJobs: MetricUnit.Count,
  /** Failed repositories of the jobs that ended. */
  FailedRepositories: MetricUnit.Count,
  /** Jobs in which nothing has changed for hours, each time that they are looked at. */
  StuckJobs: MetricUnit.Count,
  /** Ended repositories, by outcome and by end. */
  Repositories: MetricUnit.Count,
  /** Workers that left their slot because the model's service throttled or failed. */
  ThrottledRepositories: MetricUnit.Count,
  /** Requests that Claude's service did not answer within a worker's patience. A rate limit does not count. */
  UnansweredRequests: MetricUnit.Count,
  /** Artifacts that a worker could not save at its first try. */
  UnsavedArtifacts: MetricUnit.Count,
  /** Times that a row with values that no version writes was met. */
  DamagedRows: MetricUnit.Count,

  InputTokens: MetricUnit.Count,
  OutputTokens: MetricUnit.Count,
  CacheWriteTokens: MetricUnit.Count,
  CacheReadTokens: MetricUnit.Count,
  /** What Claude's answers cost; nothing for a model whose price is not known. */
  CostUsd: MetricUnit.NoUnit,

  PullRequestsOpened: MetricUnit.Count,
  PullRequestsFailed: MetricUnit.Count,
  /** Times that a pull request got a later slot. */
  PullRequestsWaiting: MetricUnit.Count,
  /** Open pull requests whose checks began to fail. */
  PullRequestsRed: MetricUnit.Count,
  PullRequestsMerged: MetricUnit.Count,

  RunnableWorkers: MetricUnit.Count,
  RunningWorkers: MetricUnit.Count,
  /** Batch jobs that ended without an outcome, after all their attempts. */
  FailedWorkers: MetricUnit.Count,
  /** The age of the oldest worker that waits for capacity. */
  OldestRunnableSeconds: MetricUnit.Seconds,
} as const;

export type MetricName = keyof typeof METRICS;

/** The dimension that every metric has. */
export const METRIC_SERVICE = 'cody-batch';

export type Measured = {
  /** Metrics that are undefined are left out: an unknown cost is not zero. */
  values: Partial<Record<MetricName, number | undefined>>;
  /** Each is one dimension beside the service, so a value is counted once by each. */
  by?: Readonly<Record<string, string>>;
  /** What the line is about, for queries of the log; makes no metric of its own. */
  about?: Readonly<Record<string, unknown>>;
};

/**
 * A line of the embedded metric format, from which CloudWatch makes metrics:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 * Returns undefined if there is nothing to count.
 */
export function metricLine(namespace: string, { values, by = {}, about = {} }: Measured): string | undefined {
  const metrics = new Metrics({ namespace, serviceName: METRIC_SERVICE });
  for (const [name, unit] of Object.entries(METRICS)) {
    const value = values[name as MetricName];
    if (value !== undefined) metrics.addMetric(name, unit, value);
  }
  if (!metrics.hasStoredMetrics()) return undefined;
  for (const [name, value] of Object.entries(by)) metrics.addDimensions({ [name]: value });
  for (const [name, value] of Object.entries(about))
    if (value !== undefined) metrics.addMetadata(name, String(value));
  return JSON.stringify(metrics.serializeMetrics());
}
