import { StateError } from '../state-error.ts';
import type { Integration } from './integration.ts';

/** Keeps the name of a function's error. The Cause is the JSON that the Lambda runtime reports. */
function functionError(error: unknown): StateError {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const trace = (stack ?? '').split('\n').filter((line) => line !== '');
  return new StateError(name, JSON.stringify({ errorType: name, errorMessage: message, trace }));
}

export const lambdaInvoke: Integration = {
  resourceType: 'lambda',
  resource: 'invoke',
  required: ['FunctionName'],
  optional: ['Payload'],
  async run({ FunctionName, Payload }, { services, signal, timeoutSeconds }) {
    if (typeof FunctionName !== 'string') {
      throw new StateError(
        'Lambda.AWSLambdaException',
        `FunctionName is not a string: ${JSON.stringify(FunctionName)}`,
      );
    }
    try {
      const result = await services.invokeFunction(FunctionName, Payload ?? {}, { signal, timeoutSeconds });
      return { ExecutedVersion: '$LATEST', Payload: result ?? null, StatusCode: 200 };
    } catch (error) {
      throw functionError(error);
    }
  },
};
