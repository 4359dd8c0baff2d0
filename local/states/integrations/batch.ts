import { BatchServiceException, type SubmitJobCommandInput } from '@aws-sdk/client-batch';
import type { Json, JsonObject } from '../payload.ts';
import { StateError } from '../state-error.ts';
import type { Integration } from './integration.ts';

export const batchSubmitJobSync: Integration = {
  resourceType: 'batch',
  resource: 'submitJob.sync',
  required: ['JobName', 'JobQueue', 'JobDefinition'],
  optional: [
    'ContainerOverrides',
    'DependsOn',
    'Parameters',
    'PropagateTags',
    'RetryStrategy',
    'SchedulingPriorityOverride',
    'ShareIdentifier',
    'Tags',
    'Timeout',
  ],
  async run(parameters, { services, signal, submitted }) {
    const input = recase(parameters, camelCase) as SubmitJobCommandInput;
    const accepted = (output: object) => submitted(recase(output, pascalCase) as Json);
    const job = await services.batch.run(input, signal, accepted).catch((error) => {
      throw batchError(error);
    });
    const detail = recase(job, pascalCase) as JsonObject;
    if (job.status === 'FAILED') throw new StateError('States.TaskFailed', JSON.stringify(detail));
    return detail;
  },
};

/** Fields whose keys are the user's data and keep their case. */
const USER_KEYED = new Set(['parameters', 'tags', 'options', 'labels']);

/** Step Functions writes the API's field names in PascalCase, in the request and in the result. */
function recase(value: unknown, recaseKey: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((element) => recase(element, recaseKey));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      recaseKey(key),
      USER_KEYED.has(camelCase(key)) ? field : recase(field, recaseKey),
    ]),
  );
}

const camelCase = (key: string): string => key.charAt(0).toLowerCase() + key.slice(1);
const pascalCase = (key: string): string => key.charAt(0).toUpperCase() + key.slice(1);

/** Uses the service's name for the error if it ends in Exception, and else the names that AWS falls back to. */
function batchError(error: unknown): StateError {
  if (error instanceof StateError) return error;
  if (!(error instanceof BatchServiceException)) {
    return new StateError('Batch.SdkClientException', error instanceof Error ? error.message : String(error));
  }
  const name = error.name.endsWith('Exception') ? error.name : 'AWSBatchException';
  const { httpStatusCode, requestId } = error.$metadata;
  return new StateError(
    `Batch.${name}`,
    `${error.message} (Service: Batch, Status Code: ${httpStatusCode}, Request ID: ${requestId})`,
  );
}
