import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import {
  Counts,
  JobRequest,
  JobSettings,
  PullRequestOverrides,
  PullRequestSettings,
  ShownJob,
  ShownJobWithText,
  Spending,
} from '../../core/job.ts';
import {
  PullRequestRecord,
  ShownRepositoryResult,
  ShownRepositorySummary,
} from '../../core/repository-result.ts';
import { ROLES } from '../../core/roles.ts';
import { SummaryColumns } from '../../core/summary-row.ts';
import { TokenUsage } from '../../core/usage.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { IDEMPOTENCY_KEY } from './idempotency.ts';
import { PROBLEM_TYPE_PREFIX, PROBLEMS } from './problem.ts';
import type { DescribedRoute, ResponseBody } from './route.ts';
import { ThreadView } from './thread-view.ts';

/** Shapes that are written once in the document, by the names that generated clients give them. */
const COMPONENTS = {
  Counts,
  Job: ShownJob,
  JobRequest,
  JobSettings,
  JobWithText: ShownJobWithText,
  PullRequestOverrides,
  PullRequestRecord,
  PullRequestSettings,
  RepositoryResult: ShownRepositoryResult,
  RepositorySummary: ShownRepositorySummary,
  Spending,
  SummaryColumns,
  ThreadView,
  TokenUsage,
};

const Problem = z
  .object({
    type: z.enum(PROBLEMS.map(({ type }) => `${PROBLEM_TYPE_PREFIX}${type}`)),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z
      .array(z.object({ field: z.string(), received: z.unknown().optional(), expected: z.string() }))
      .optional(),
  })
  .meta({
    description: `A problem document (RFC 9457). A type stays the same from version to version.\n\n${[
      '| status | type | when |',
      '| --- | --- | --- |',
      ...PROBLEMS.map(
        ({ status, type, when }) => `| ${status} | \`${PROBLEM_TYPE_PREFIX}${type}\` | ${when} |`,
      ),
    ].join('\n')}`,
  });

/** API Gateway answers these statuses by itself too, in its own shape. */
const BY_GATEWAY = [401, 429];
const GatewayMessage = z.object({ message: z.string() });

const DESCRIPTION = `Starts jobs that edit many repositories by one prompt, and reads what came of them.

${Object.entries(ROLES)
  .map(([role, may]) => `- \`${role}\`: ${may}`)
  .join('\n')}

Each role may also do what those before it may. Every refusal is a problem document, whose \`type\` is stable.`;

export type OpenApiDocument = ReturnType<typeof createDocument>;

/** The OpenAPI 3.1 document of these routes, by their operation IDs. */
export function openApiDocument(operations: Readonly<Record<string, DescribedRoute>>): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const [operationId, route] of Object.entries(operations)) {
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: operationOf(operationId, route),
    };
  }
  return createDocument({
    openapi: '3.1.0',
    info: { title: 'Cody Batch', version: packageJson.version, description: DESCRIPTION },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: { ...COMPONENTS, Problem },
      responses: Object.fromEntries(
        [...new Set(PROBLEMS.map(({ status }) => status))].map((status) => [
          `Problem${status}`,
          problemResponse(status),
        ]),
      ),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            "A token of the deployment's issuer, whose claims give a role. On one machine: the data folder's secret, or nothing in a process of the same user.",
        },
      },
    },
  });
}

function operationOf(operationId: string, route: DescribedRoute): ZodOpenApiOperationObject {
  const { role, summary, params, query, body } = route;
  const path = params && inputOf(params);
  return {
    operationId,
    summary,
    description: role === 'open' ? 'Needs no token.' : `Needs the role \`${role}\`.`,
    ...(role === 'open' && { security: [] }),
    requestParams: {
      ...(path && { path }),
      ...(query && { query: inputOf(query) }),
      ...headersOf(route),
    },
    ...(body && {
      requestBody: {
        required: !body.isOptional(),
        content: { 'application/json': { schema: body instanceof z.ZodOptional ? body.unwrap() : body } },
      },
    }),
    responses: responsesOf(route),
  };
}

function headersOf({ isIdempotent, hasETag }: DescribedRoute): { header?: z.ZodObject } {
  if (!isIdempotent && !hasETag) return {};
  return {
    header: z.object({
      ...(isIdempotent && { 'Idempotency-Key': IDEMPOTENCY_KEY.optional() }),
      ...(hasETag && {
        'If-None-Match': z.string().optional().meta({ description: 'ETags that the caller has, or *.' }),
      }),
    }),
  };
}

/** What is sent: the object before it is transformed. */
function inputOf(schema: z.ZodType): z.ZodObject {
  if (schema instanceof z.ZodObject) return schema;
  if (schema instanceof z.ZodPipe) return inputOf(schema.in as z.ZodType);
  throw new TypeError(
    'The params or the query of a route are not an object. Give the route a z.strictObject.',
  );
}

function responsesOf(route: DescribedRoute): ZodOpenApiResponsesObject {
  const own = Object.entries(route.responses).map(([status, body]) => [
    status,
    responseOf(Number(status), body, route),
  ]);
  const problems = problemsOf(route).map((status) => [
    String(status),
    { $ref: `#/components/responses/Problem${status}` },
  ]);
  const notModified = route.hasETag
    ? [['304', { description: 'The caller has this answer already, by If-None-Match.', headers: ETAG }]]
    : [];
  const signed = route.mayBeSigned ? [['303', SIGNED]] : [];
  return Object.fromEntries([...own, ...signed, ...notModified, ...problems]);
}

const SIGNED = {
  description:
    'The answer has more than 4 MiB. `location` is a URL from which it can be read for 5 minutes, without a token.',
  headers: z.object({ Location: z.string().meta({ description: 'Absolute, or a path of this server.' }) }),
};

const ETAG = z.object({ ETag: z.string().meta({ description: 'Weak; for If-None-Match.' }) });

function responseOf(
  status: number,
  body: ResponseBody,
  { isIdempotent, hasETag }: DescribedRoute,
): ZodOpenApiResponseObject {
  const description =
    status === 200 && isIdempotent
      ? 'The answer to the first request with this Idempotency-Key.'
      : (DESCRIPTIONS[status] ?? 'The answer.');
  if (body === 'none') return { description };
  const etag = status === 200 && hasETag && { headers: ETAG };
  if ('bytes' in body)
    return { description, ...etag, content: { [body.bytes]: { schema: { type: 'string' } } } };
  return {
    description,
    ...etag,
    ...(status === 201 && {
      headers: z.object({ Location: z.string().meta({ description: 'The path of what was made.' }) }),
    }),
    content: { 'application/json': { schema: body } },
  };
}

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  200: 'As asked.',
  201: 'Started.',
  202: 'Accepted; the work goes on after this answer.',
  204: 'Done; there is no body.',
  503: 'A dependency fails.',
};

/** The statuses of a route's problems: those that follow from what it is, and those that it names. */
function problemsOf({ method, path, role, body, problems = [] }: DescribedRoute): number[] {
  const all = [
    ...[400, 403, 429, 500],
    ...(role === 'open' ? [] : [401, 406, 503]),
    ...(path.includes('{') ? [404] : []),
    ...(method === 'POST' ? [413] : []),
    ...(body ? [415] : []),
    ...problems,
  ];
  return [...new Set(all)].sort((a, b) => a - b);
}

function problemResponse(status: number): ZodOpenApiResponseObject {
  const types = PROBLEMS.filter((problem) => problem.status === status);
  return {
    description: types.map(({ type, when }) => `\`${type}\`: ${when}`).join(' '),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [{ $ref: '#/components/schemas/Problem' }],
          properties: {
            type: { enum: types.map(({ type }) => `${PROBLEM_TYPE_PREFIX}${type}`) },
            status: { const: status },
          },
        },
      },
      ...(BY_GATEWAY.includes(status) && { 'application/json': { schema: GatewayMessage } }),
    },
  };
}
