import type { ComputeEnvironmentDetail, JobDefinition, JobQueueDetail } from '@aws-sdk/client-batch';
import { ClientException } from './client-exception.ts';
import { batchArn, keyValuePairs, secretNames } from './job.ts';
import type { LocalJobDefinition } from './job-definition.ts';

// One queue, its job definitions and one compute environment, all fixed at the start.

/** The name that lib/batch-compute.ts gives the one of an environment called `local`. */
const COMPUTE_ENVIRONMENT = 'cody-batch-local-compute';

export function describeJobQueue(name: string): JobQueueDetail {
  return {
    jobQueueName: name,
    jobQueueArn: batchArn('job-queue', name),
    state: 'ENABLED',
    status: 'VALID',
    statusReason: 'JobQueue Healthy',
    priority: 1,
    computeEnvironmentOrder: [
      { order: 1, computeEnvironment: batchArn('compute-environment', COMPUTE_ENVIRONMENT) },
    ],
  };
}

export function describeComputeEnvironment(): ComputeEnvironmentDetail {
  return {
    computeEnvironmentName: COMPUTE_ENVIRONMENT,
    computeEnvironmentArn: batchArn('compute-environment', COMPUTE_ENVIRONMENT),
    type: 'UNMANAGED',
    state: 'ENABLED',
    status: 'VALID',
    statusReason: 'ComputeEnvironment Healthy',
  };
}

export function describeJobDefinition(definition: LocalJobDefinition): JobDefinition {
  return {
    jobDefinitionName: definition.name,
    jobDefinitionArn: batchArn('job-definition', `${definition.name}:1`),
    revision: 1,
    status: 'ACTIVE',
    type: 'container',
    parameters: definition.parameters ?? {},
    retryStrategy: { attempts: definition.attempts, evaluateOnExit: definition.evaluateOnExit ?? [] },
    timeout: { attemptDurationSeconds: definition.timeoutSeconds },
    containerProperties: {
      command: definition.command,
      environment: keyValuePairs(definition.environment),
      secrets: secretNames(definition),
    },
  };
}

export function isComputeEnvironment(reference: string): boolean {
  return (
    reference === COMPUTE_ENVIRONMENT || reference === batchArn('compute-environment', COMPUTE_ENVIRONMENT)
  );
}

export function isJobQueue(reference: string, name: string): boolean {
  return reference === name || reference === batchArn('job-queue', name);
}

/** Accepts a name or an ARN, each with or without the revision. */
export function isJobDefinition(reference: string, { name }: LocalJobDefinition): boolean {
  return [name, `${name}:1`].some(
    (known) => reference === known || reference === batchArn('job-definition', known),
  );
}

export function requireJobQueue(reference: string, name: string): void {
  if (!isJobQueue(reference, name)) {
    throw new ClientException(`Job queue ${reference} does not exist. The local Batch has ${name}.`);
  }
}

export function findJobDefinition(
  reference: string,
  definitions: readonly LocalJobDefinition[],
): LocalJobDefinition {
  const found = definitions.find((definition) => isJobDefinition(reference, definition));
  if (found) return found;
  const known = definitions.map(({ name }) => `${name}:1`).join(', ');
  throw new ClientException(`Job definition ${reference} does not exist. The local Batch has ${known}.`);
}
