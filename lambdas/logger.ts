import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@aws-lambda-powertools/logger';
import type { Context as LambdaContext } from 'aws-lambda';

const ofThisProcess = new Logger({ serviceName: 'cody-batch' });
const ofInvocation = new AsyncLocalStorage<Logger>();

function current(): Logger {
  return ofInvocation.getStore() ?? ofThisProcess;
}

/** What every function logs by: JSON lines with the request's id, the step and what it works on. */
export const logger: Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys'> = {
  info: (message, ...more) => current().info(message, ...more),
  warn: (message, ...more) => current().warn(message, ...more),
  error: (message, ...more) => current().error(message, ...more),
  appendKeys: (keys) => current().appendKeys(keys),
};

/** Runs an invocation with a logger of its own: on one machine several functions run in one process at once. */
export function withLogger<Output>(context: LambdaContext, run: () => Output): Output {
  const own = ofThisProcess.createChild();
  Object.assign(own, { console: (ofThisProcess as unknown as { console: Console }).console });
  own.addContext(context);
  return ofInvocation.run(own, run);
}

/** Sends the lines of this process elsewhere than to its own output. */
export function logTo(console: Console): void {
  Object.assign(ofThisProcess, { console });
}

/** Says in the log why an artifact is left aside (core/store/artifacts.ts). */
export function setAside(why: string): void {
  logger.warn(why);
}
