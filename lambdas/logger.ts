import { Logger } from '@aws-lambda-powertools/logger';

/** One logger for every function: JSON lines with the request's id, the step and what it works on. */
export const logger = new Logger({ serviceName: 'cody-batch' });

/** Says in the log why an artifact is left aside (core/artifacts.ts). */
export function setAside(why: string): void {
  logger.warn(why);
}
