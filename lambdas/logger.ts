import { Logger } from '@aws-lambda-powertools/logger';

/** One logger for every function: JSON lines with the request's id, the step and what it works on. */
export const logger = new Logger({ serviceName: 'cody-batch' });
