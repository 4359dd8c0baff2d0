import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@aws-lambda-powertools/logger';
import type { Context as LambdaContext } from 'aws-lambda';

const ofProcess = new Logger({ serviceName: 'cody-batch' });
const ofInvocation = new AsyncLocalStorage<{ logger: Logger; keys: Record<string, unknown> }>();

function current(): Logger {
  return ofInvocation.getStore()?.logger ?? ofProcess;
}

/** Writes JSON lines with the request ID, the trace, the function, and what it works on (log-keys.ts). */
export const logger: Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys'> = {
  info: (message, ...more) => current().info(message, ...more),
  warn: (message, ...more) => current().warn(message, ...more),
  error: (message, ...more) => current().error(message, ...more),
  appendKeys: (keys) => {
    Object.assign(ofInvocation.getStore()?.keys ?? {}, keys);
    current().appendKeys(keys);
  },
};

/** Gives an invocation a separate logger: on one machine, several functions run in one process at the same time. */
export function withLogger<Output>(lambdaContext: LambdaContext, run: () => Output): Output {
  const child = ofProcess.createChild();
  Object.assign(child, { console: output() });
  child.addContext(lambdaContext);
  return ofInvocation.run({ logger: child, keys: { function_name: lambdaContext.functionName } }, run);
}

function output(): Console {
  return (ofProcess as unknown as { console: Console }).console;
}

/** The function that runs, and the keys that it has appended; empty outside of one. */
export function invocationKeys(): Readonly<Record<string, unknown>> {
  return ofInvocation.getStore()?.keys ?? {};
}

/** Writes a line among those of the loggers, as it is. */
export function printLine(line: string): void {
  output().info(line);
}

/** Redirects the lines of this process. */
export function logTo(console: Console): void {
  Object.assign(ofProcess, { console });
}

/** Logs why an artifact is ignored (core/store/artifacts.ts). */
export function setAside(why: string): void {
  logger.warn(why);
}
