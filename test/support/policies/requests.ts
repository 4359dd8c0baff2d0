import { attributesOf } from '../recorded-updates.ts';
import type { Json } from '../synthesized.ts';
import type { Call } from './evaluate.ts';
import { ACCOUNT, REGION } from './template-roles.ts';

/** A request as it comes, of a service by its name in the signature. */
export type AwsRequest = {
  service: string;
  method: string;
  url: URL;
  target: string | undefined;
  body: Buffer;
};

/** Who asked and of which service, as the signature's Credential has it: `{key}/{date}/{region}/{service}/aws4_request`. */
export function parseAuthorization(header: string | undefined): { accessKeyId: string; service: string } {
  const [, accessKeyId, service] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d+\/[\w-]+\/([\w-]+)\/aws4_request/.exec(header ?? '') ?? [];
  if (!accessKeyId || !service) throw new Error(`No signature of version 4: ${header}`);
  return { accessKeyId, service };
}

/**
 * What IAM is asked about a request: https://docs.aws.amazon.com/service-authorization/latest/reference/. Throws for an
 * operation that is not known here.
 */
export function callsOf(request: AwsRequest): Call[] {
  const read = SERVICES[request.service];
  if (!read) throw new Error(`The service ${request.service} is not known here.`);
  return read(request);
}

const SERVICES: Readonly<Record<string, (request: AwsRequest) => Call[]>> = {
  dynamodb: dynamodbCalls,
  s3: s3Calls,
  secretsmanager: ({ target, body }) => [
    { action: `secretsmanager:${nameOf(target)}`, resource: json(body).SecretId, context: {} },
  ],
  states: ({ target, body }) => {
    const { stateMachineArn, executionArn } = json(body);
    return [{ action: `states:${nameOf(target)}`, resource: stateMachineArn ?? executionArn, context: {} }];
  },
  batch: batchCalls,
  sts: ({ body }) => {
    const form = new URLSearchParams(body.toString());
    return [{ action: `sts:${form.get('Action')}`, resource: form.get('RoleArn') ?? '*', context: {} }];
  },
  sns: ({ body }) => {
    const form = new URLSearchParams(body.toString());
    return [{ action: `sns:${form.get('Action')}`, resource: form.get('TopicArn') ?? '*', context: {} }];
  },
  lambda: ({ url }) => {
    const name = functionOf(url);
    return [
      {
        action: 'lambda:InvokeFunction',
        resource: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`,
        context: {},
      },
    ];
  },
};

/** Throws for a request that is not an invocation. */
export function functionOf({ pathname }: URL): string {
  const [, name] = /^\/2015-03-31\/functions\/([\w-]+)\/invocations$/.exec(pathname) ?? [];
  if (!name) throw new Error(`${pathname} of Lambda is not known here.`);
  return name;
}

function json(body: Buffer): Json {
  return JSON.parse(body.toString() || '{}');
}

/** `GetItem` of `DynamoDB_20120810.GetItem`. */
function nameOf(target: string | undefined): string {
  return target?.split('.').at(-1) ?? '';
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html */
function dynamodbCalls({ target, body }: AwsRequest): Call[] {
  const operation = nameOf(target);
  const request = json(body);
  const arn = (table: string, index = '') => `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${table}${index}`;
  const call = (resource: string, context: Call['context']): Call => ({
    action: `dynamodb:${operation}`,
    resource,
    context: {
      ...context,
      ...(request.ReturnValues && { 'dynamodb:ReturnValues': [request.ReturnValues] }),
      ...(request.Select && { 'dynamodb:Select': [request.Select] }),
    },
  });
  const named = attributesOf(request);
  const context = (keys: string[], attributes: string[]) => ({
    'dynamodb:LeadingKeys': keys,
    ...(attributes.length > 0 && { 'dynamodb:Attributes': [...new Set(attributes)] }),
  });
  switch (operation) {
    case 'GetItem':
      return [
        call(
          arn(request.TableName),
          context(
            [request.Key.jobId.S],
            request.ProjectionExpression ? [...Object.keys(request.Key), ...named] : [],
          ),
        ),
      ];
    case 'UpdateItem':
    case 'DeleteItem':
      return [
        call(arn(request.TableName), context([request.Key.jobId.S], [...Object.keys(request.Key), ...named])),
      ];
    case 'PutItem':
      return [
        call(
          arn(request.TableName),
          context([request.Item.jobId.S], [...Object.keys(request.Item), ...named]),
        ),
      ];
    case 'BatchGetItem':
      return Object.entries<Json>(request.RequestItems).map(([table, { Keys }]) =>
        call(arn(table), context([...new Set<string>(Keys.map(({ jobId }: Json) => jobId.S))], [])),
      );
    case 'BatchWriteItem':
      return Object.entries<Json[]>(request.RequestItems).map(([table, writes]) => {
        const items = writes.map(({ PutRequest, DeleteRequest }) => PutRequest?.Item ?? DeleteRequest.Key);
        return call(
          arn(table),
          context(
            items.map(({ jobId }: Json) => jobId.S),
            items.flatMap((item: Json) => Object.keys(item)),
          ),
        );
      });
    case 'Query':
      return [call(arn(request.TableName, request.IndexName ? `/index/${request.IndexName}` : ''), {})];
    default:
      throw new Error(`${operation} of DynamoDB is not known here.`);
  }
}

function s3Calls({ method, url, body }: AwsRequest): Call[] {
  const [, bucket, key] = /^\/([^/]+)\/?(.*)$/s.exec(decodeURIComponent(url.pathname)) ?? [];
  const ofBucket = `arn:aws:s3:::${bucket}`;
  const object = (action: string, name = key): Call => ({
    action: `s3:${action}`,
    resource: `${ofBucket}/${name}`,
    context: {},
  });
  if (method === 'GET' && !key) {
    const prefix = url.searchParams.get('prefix');
    return [
      { action: 's3:ListBucket', resource: ofBucket, context: { ...(prefix && { 's3:prefix': [prefix] }) } },
    ];
  }
  if (method === 'POST' && url.searchParams.has('delete'))
    return [...body.toString().matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, name]) =>
      object('DeleteObject', name),
    );
  const actions: Record<string, string> = {
    GET: 'GetObject',
    HEAD: 'GetObject',
    PUT: 'PutObject',
    DELETE: 'DeleteObject',
  };
  const action = key && actions[method];
  if (!action) throw new Error(`${method} ${url.pathname}${url.search} of S3 is not known here.`);
  return [object(action)];
}

/** https://docs.aws.amazon.com/batch/latest/userguide/batch-supported-iam-actions-resources.html */
function batchCalls({ url, body }: AwsRequest): Call[] {
  const arn = (kind: string, name: string) =>
    name.startsWith('arn:') ? name : `arn:aws:batch:${REGION}:${ACCOUNT}:${kind}/${name}`;
  const request = json(body);
  const call = (action: string, resource: string): Call => ({
    action: `batch:${action}`,
    resource,
    context: {},
  });
  switch (url.pathname) {
    case '/v1/submitjob': {
      const about = [arn('job-queue', request.jobQueue), arn('job-definition', request.jobDefinition)];
      return [
        ...about.map((resource) => call('SubmitJob', resource)),
        ...(request.tags
          ? [...about, arn('job', 'any')].map((resource) => call('TagResource', resource))
          : []),
      ];
    }
    case '/v1/describejobs':
      return [call('DescribeJobs', '*')];
    case '/v1/listjobs':
      return [call('ListJobs', '*')];
    case '/v1/terminatejob':
      return [call('TerminateJob', arn('job', request.jobId))];
    default:
      throw new Error(`${url.pathname} of Batch is not known here.`);
  }
}
