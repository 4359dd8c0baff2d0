import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { z } from 'zod';
import { InvalidInputError } from '../core/errors.ts';
import { settings } from '../core/settings.ts';
import { type Context, context } from './context.ts';
import { workedOn } from './log-keys.ts';
import { logger, withLogger } from './logger.ts';

/**
 * Makes a Lambda handler from a schema and a plain function. It catches no error: the state machine retries and catches
 * by the error's name.
 */
export function functionHandler<S extends z.ZodType, Output>(
  schema: S,
  run: (input: z.infer<S>, context: Context) => Promise<Output>,
) {
  const handler = middy()
    .use({
      before: (request) => {
        logger.appendKeys(workedOn(request.event, settings().STATE_MACHINE_ARN));
        request.event = parseInput(schema, request.event);
      },
      onError: ({ error }) => {
        logger.error('The function failed', error as Error);
      },
    })
    .handler((input: z.infer<S>, _lambdaContext: LambdaContext) => run(input, context()));
  return (event: z.infer<S>, lambdaContext: LambdaContext): Promise<Output> =>
    withLogger(lambdaContext, () => handler(event, lambdaContext) as Promise<Output>);
}

/** Throws InvalidInputError, which names each invalid field. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.infer<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(`The input of the function is invalid: ${z.prettifyError(parsed.error)}`, {
    cause: parsed.error,
  });
}
