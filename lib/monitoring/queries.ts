import { type ILogGroup, QueryDefinition, QueryString, type QueryStringProps } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Names } from '../names.ts';

export interface QueriesProps {
  readonly names: Names;
  readonly functionLogs: readonly ILogGroup[];
  readonly workerLogs: ILogGroup;
  readonly apiAccessLogs: ILogGroup;
}

interface Query extends QueryStringProps {
  readonly name: string;
  readonly of: readonly ILogGroup[];
}

/** Queries of Logs Insights, saved under the environment's name. Saving costs nothing; running bills the bytes read. */
export function addQueries(scope: Construct, props: QueriesProps): void {
  for (const { name, of, ...query } of queries(props)) {
    new QueryDefinition(scope, `Query${name.replaceAll(/\W/g, '')}`, {
      queryDefinitionName: `${props.names.stack}/${name}`,
      logGroups: [...of],
      queryString: new QueryString(query),
    });
  }
}

const NEWEST = { sort: '@timestamp desc', limit: 100 } as const;

function queries({ functionLogs, workerLogs, apiAccessLogs }: QueriesProps): Query[] {
  const everything = [...functionLogs, workerLogs];
  return [
    {
      name: 'errors by hour',
      of: everything,
      filterStatements: ['level = "ERROR" or level = "error"'],
      statsStatements: ['count(*) as errors by bin(1h), @log'],
    },
    {
      name: 'latest errors and warnings',
      of: everything,
      fields: ['@timestamp', 'message', 'jobId', 'repositoryName', '@log'],
      filterStatements: ['level in ["ERROR", "WARN", "error", "warn"]'],
      ...NEWEST,
    },
    {
      name: 'a job (replace JOB_ID)',
      of: everything,
      fields: ['@timestamp', 'level', 'message', 'repositoryName', '@log'],
      filterStatements: ['@message like "JOB_ID"'],
      sort: '@timestamp asc',
      limit: 1000,
    },
    {
      name: 'outcomes of workers',
      of: [workerLogs],
      filterStatements: ['message = "outcome"'],
      statsStatements: ['count(*) as repositories by outcome, end'],
    },
    {
      name: 'cost and tokens by job',
      of: [workerLogs],
      filterStatements: ['ispresent(InputTokens)'],
      statsStatements: [
        'sum(CostUsd) as usd, sum(InputTokens) as input, sum(CacheReadTokens) as cacheRead, sum(CacheWriteTokens) as cacheWrite, sum(OutputTokens) as output by jobId',
      ],
      sort: 'usd desc',
    },
    {
      name: 'throttled by Claude or by DynamoDB',
      of: everything,
      fields: ['@timestamp', 'message', 'jobId', 'repositoryName'],
      filterStatements: ['@message like /(?i)(throttl|rate.?limit|overloaded|TooManyRequests)/'],
      ...NEWEST,
    },
    {
      name: 'slow requests',
      of: [apiAccessLogs],
      statsStatements: [
        'count(*) as requests, pct(latencyMs, 50) as p50, pct(latencyMs, 99) as p99 by method, path',
      ],
      sort: 'p99 desc',
      limit: 50,
    },
    {
      name: 'refused and failed requests',
      of: [apiAccessLogs],
      fields: ['@timestamp', 'status', 'method', 'path', 'caller', 'authorizerError', 'integrationError'],
      filterStatements: ['status >= 400'],
      ...NEWEST,
    },
  ];
}
