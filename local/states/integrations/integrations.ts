import { batchSubmitJobSync } from './batch.ts';
import { dynamodbIntegrations } from './dynamodb.ts';
import type { Integration } from './integration.ts';
import { lambdaInvoke } from './lambda.ts';

/** By the Resource of the Task. */
export const INTEGRATIONS: Readonly<Record<string, Integration>> = {
  ...dynamodbIntegrations,
  'arn:aws:states:::lambda:invoke': lambdaInvoke,
  'arn:aws:states:::batch:submitJob.sync': batchSubmitJobSync,
};
