import { z } from 'zod';
import { type OpenApiDocument, openApiDocument } from './openapi.ts';
import { type DescribedRoute, type Route, route } from './route.ts';

/** The description of all routes, this one included. */
export function getOpenApi(operations: () => Readonly<Record<string, DescribedRoute>>): Route {
  let made: OpenApiDocument | undefined;
  return route(
    'GET',
    '/openapi.json',
    {
      role: 'open',
      summary: 'This description of the API, as OpenAPI 3.1.',
      responses: { 200: z.looseObject({ openapi: z.string() }) },
    },
    async () => {
      made ??= openApiDocument(operations());
      return { json: made };
    },
  );
}
