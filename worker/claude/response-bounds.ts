import type { Middleware } from '@anthropic-ai/sdk';

/** A response is longer than any answer can be. */
export class ResponseTooLongError extends Error {
  override readonly name = 'ResponseTooLongError';
}

/**
 * Ends a response whose body is silent for `idleMs` or longer than `maxBytes`. The SDK's own time-out covers only the time
 * until the headers arrive; after that a stream may stall or never end. The API's pings count as activity.
 */
export function boundResponses(bounds: { idleMs: number; maxBytes: number }): Middleware {
  return async (request, next) => {
    const response = await next(request);
    if (!response.body) return response;
    const { status, statusText, headers } = response;
    return new Response(bounded(response.body, bounds), { status, statusText, headers });
  };
}

function bounded(
  body: ReadableStream<Uint8Array>,
  { idleMs, maxBytes }: { idleMs: number; maxBytes: number },
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let bytes = 0;
  return new ReadableStream({
    async pull(controller) {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(reject, idleMs, new Error(`no bytes were received for ${idleMs / 1000} s`));
      });
      try {
        const { done, value } = await Promise.race([reader.read(), silence]);
        if (done) return controller.close();
        bytes += value.length;
        if (bytes > maxBytes)
          throw new ResponseTooLongError(`it is longer than ${maxBytes / 1024 / 1024} MiB`);
        controller.enqueue(value);
      } catch (error) {
        controller.error(error);
        await reader.cancel(error).catch(() => {});
      } finally {
        clearTimeout(timer);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
