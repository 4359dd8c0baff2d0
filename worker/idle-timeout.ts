import type { Middleware } from '@anthropic-ai/sdk';

/**
 * Ends a response whose body is silent for `idleMs`: the SDK's own timeout is over when the headers have come, and a
 * stream may stall after them for good. The API's pings count as life.
 */
export function endSilentResponses(idleMs: number): Middleware {
  return async (request, next) => {
    const response = await next(request);
    if (!response.body) return response;
    const { status, statusText, headers } = response;
    return new Response(endedWhenSilent(response.body, idleMs), { status, statusText, headers });
  };
}

function endedWhenSilent(body: ReadableStream<Uint8Array>, idleMs: number): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(reject, idleMs, new Error(`no byte came for ${idleMs / 1000} s`));
      });
      try {
        const { done, value } = await Promise.race([reader.read(), silence]);
        if (done) controller.close();
        else controller.enqueue(value);
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
