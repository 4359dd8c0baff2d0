import type { InvokeCommandOutput } from '@aws-sdk/client-lambda';
import { CredentialsUnavailableError, SettingsError, WorkerRefusedError } from '../core/errors.ts';
import type { Settings } from '../core/settings.ts';
import {
  type CredentialProvider,
  type CredentialSource,
  WorkerCredentials,
  type WorkerCredentialsRequest,
} from '../core/worker-credentials.ts';

/** Longer than the 5 minutes before the end in which the SDK asks for others, so that it is given others then. */
const RENEWED_MS = 6 * 60_000;

type Worker = Pick<WorkerCredentialsRequest, 'jobId' | 'repositoryName'>;

/**
 * The credentials of a worker's AWS clients, where it has no role of its own that may do the work: a function gives it
 * some that hold for an hour, for its own job and repository. Undefined where WORKER_CREDENTIALS_FUNCTION is not set, as
 * on one's own machine. Throws SettingsError where this worker has no token to ask with.
 */
export function openSession(
  worker: Worker,
  settings: Pick<Settings, 'WORKER_CREDENTIALS_FUNCTION' | 'WORKER_TOKEN'>,
): CredentialSource | undefined {
  const { WORKER_CREDENTIALS_FUNCTION: name, WORKER_TOKEN: token } = settings;
  if (!name) return undefined;
  if (!token)
    throw new SettingsError(
      `WORKER_TOKEN is not set, without which ${name} gives no credentials. The state machine gives one to the Batch jobs that it submits: retry the job (POST /jobs/${worker.jobId}/retry), or see "A Batch job by hand" in docs/aws.md.`,
    );
  const request = { ...worker, token };
  return {
    forWork: renewed(() => ask(name, request)),
    forCommandSecret: (commandSecret) => renewed(() => ask(name, { ...request, commandSecret })),
  };
}

/** One answer for all clients, until shortly before its end; and until that end where no other is to be had. */
function renewed(asked: CredentialProvider): CredentialProvider {
  let held: ReturnType<CredentialProvider> | undefined;
  return async () => {
    const before = await held?.catch(() => undefined);
    const left = before ? before.expiration.getTime() - Date.now() : 0;
    if (before && left > RENEWED_MS) return before;
    const asking = asked();
    held = asking;
    try {
      return await asking;
    } catch (error) {
      if (left <= 0 || error instanceof WorkerRefusedError) throw error;
      held = Promise.resolve(before!);
      return before!;
    }
  };
}

async function ask(functionName: string, request: WorkerCredentialsRequest): ReturnType<CredentialProvider> {
  // Loaded on demand: on one's own machine no worker pays for the client.
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  // Ten tries take 20 s on average: a fleet that starts at once may exceed the concurrency of functions for a moment.
  const client = new LambdaClient({ maxAttempts: 10 });
  try {
    const answer = await client.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(request) }),
    );
    return credentialsOf(functionName, request, answer);
  } finally {
    client.destroy();
  }
}

function credentialsOf(
  functionName: string,
  { jobId, repositoryName }: WorkerCredentialsRequest,
  { FunctionError, Payload }: InvokeCommandOutput,
): Awaited<ReturnType<CredentialProvider>> {
  const answer: unknown = JSON.parse(Payload?.transformToString() || 'null');
  if (FunctionError) {
    const { errorType = FunctionError, errorMessage = '' } = (answer ?? {}) as Record<string, string>;
    const of = `${repositoryName} of ${jobId}`;
    if (errorType === ('WorkerRefusedError' satisfies WorkerRefusedError['name']))
      throw new WorkerRefusedError(
        `${functionName} gives this worker no credentials for ${of}. ${errorMessage} Nothing is to be done where the repository ended or another worker has it; else retry the job.`,
      );
    throw new CredentialsUnavailableError(
      `${functionName} failed, so that there are no credentials for ${of} (${errorType}: ${errorMessage}). Its log group says why: /aws/lambda/${functionName}.`,
    );
  }
  const { expiration, ...credentials } = WorkerCredentials.parse(answer);
  return { ...credentials, expiration: new Date(expiration) };
}
