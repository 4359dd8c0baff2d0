import middy from '@middy/core';
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context as LambdaContext,
} from 'aws-lambda';
import { settings } from '../../core/settings.ts';
import { type Context, context } from '../context.ts';
import { logger, withLogger } from '../logger.ts';
import { authorize } from './authorization.ts';
import { HttpError, problemResponse, shorten } from './problem.ts';
import {
  compressed,
  type DescribedRoute,
  type Headers,
  type Route,
  type RouteOutput,
  toResponse,
} from './route.ts';
import { throttleWrites } from './throttle.ts';

type Answered = {
  routes: readonly Route[];
  /** All routes of the API, to name in refusals. @default - routes */
  described?: readonly DescribedRoute[];
  /** Replaces a long answer of a route by a redirection to a signed URL, if the route allows that. @default - the answer is sent */
  sign?: (
    output: RouteOutput,
    about: { jobId: string; headers: Headers },
    context: Context,
  ) => Promise<RouteOutput>;
};

async function answer(
  event: APIGatewayProxyEventV2,
  { routes, described = routes, sign }: Answered,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { method } = event.requestContext.http;
  // `/api/jobs` is `/jobs`, so that a page of the same origin has paths of its own.
  const path = event.rawPath.replace(/^\/api(?=\/)/, '');
  const found = described.flatMap((route) => {
    const params = matchPath(route.path, path);
    return params ? [{ route, params }] : [];
  });
  if (found.length === 0) {
    throw new HttpError(
      404,
      `There is no route ${shorten(event.rawPath)}. The routes are ${[...new Set(described.map(({ path }) => path))].join(', ')}.`,
    );
  }
  const match = found.find(({ route }) => route.method === method);
  if (!match) {
    const allow = found.map(({ route }) => route.method).join(', ');
    throw new HttpError(405, `${shorten(event.rawPath)} does not allow ${method}; it allows ${allow}.`, {
      allow,
    });
  }
  const route = routes.find((one) => one.method === method && one.path === match.route.path);
  if (!route)
    throw new HttpError(
      404,
      `Another function answers ${shorten(event.rawPath)}. Send it to the API's address.`,
    );
  const { jobId, owner, name } = match.params;
  logger.appendKeys({ jobId, repositoryName: owner && name && `${owner}/${name}` });
  authorize(event, route, settings());
  const opened = context();
  await throttleWrites(event, route, opened);
  const output = await route.answer(event, match.params, opened);
  const sent =
    sign && route.mayBeSigned
      ? await sign(output, { jobId: jobId ?? '', headers: event.headers }, opened)
      : output;
  return toResponse(sent, event.headers, route);
}

/** The values of the template's `{name}` segments; undefined if the path does not match. */
export function matchPath(template: string, path: string): Record<string, string> | undefined {
  const expected = template.split('/');
  const received = path.split('/');
  if (expected.length !== received.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, segment] of expected.entries()) {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name) params[name] = received[i]!;
    else if (segment !== received[i]) return undefined;
  }
  return params;
}

/** The handler of a function that answers these routes. */
export function handlerOf(options: Answered) {
  const answered = middy()
    .use({
      onError: (request) => {
        const response = problemResponse(request.error);
        if (response.statusCode === 500) logger.error('The request failed', request.error as Error);
        else if (response.statusCode === 503 && !(request.error instanceof HttpError))
          logger.warn('A service did not answer', request.error as Error);
        request.response = compressed(response, Buffer.from(response.body!), request.event.headers);
      },
    })
    .handler((event: APIGatewayProxyEventV2) => answer(event, options));
  return (
    event: APIGatewayProxyEventV2,
    context: LambdaContext,
  ): Promise<APIGatewayProxyStructuredResultV2> => withLogger(context, () => answered(event, context));
}
