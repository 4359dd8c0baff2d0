import type { InvokeCommandOutput } from '@aws-sdk/client-lambda';
import { CredentialsUnavailableError, SettingsError, WorkerRefusedError } from '../core/errors.ts';
import type { Settings } from '../core/settings.ts';
import {
  type CredentialProvider,
  type CredentialSource,
  WorkerCredentials,
  type WorkerCredentialsRequest,
} from '../core/worker-credentials.ts';

/** The SDK asks for new credentials 5 minutes before they expire. Longer than that, so that it receives new ones. */
const RENEW_BEFORE_MS = 6 * 60_000;

type Worker = Pick<WorkerCredentialsRequest, 'jobId' | 'repositoryName'>;

/**
 * The credentials of the worker's AWS clients. Its task role may only invoke a function, which returns credentials for this
 * job and repository that are valid for an hour. Returns undefined if WORKER_CREDENTIALS_FUNCTION is not set, as on a
 * local machine. Throws SettingsError if WORKER_TOKEN is missing.
 */
export function openSession(
  worker: Worker,
  settings: Pick<Settings, 'WORKER_CREDENTIALS_FUNCTION' | 'WORKER_TOKEN'>,
): CredentialSource | undefined {
  const { WORKER_CREDENTIALS_FUNCTION: name, WORKER_TOKEN: token } = settings;
  if (!name) return undefined;
  if (!token)
    throw new SettingsError(
      `WORKER_TOKEN is not set; ${name} requires it. The state machine sets it for the Batch jobs that it submits: retry the job (POST /jobs/${worker.jobId}/retry), or see "A Batch job by hand" in docs/aws.md.`,
    );
  const request = { ...worker, token };
  return {
    forWork: renewed(() => ask(name, request)),
    forCommandSecret: (commandSecret) => renewed(() => ask(name, { ...request, commandSecret })),
  };
}

/** Shares the credentials between clients and renews them before they expire. If that fails, they are used until then. */
function renewed(asked: CredentialProvider): CredentialProvider {
  let held: ReturnType<CredentialProvider> | undefined;
  return async () => {
    const before = await held?.catch(() => undefined);
    const left = before ? before.expiration.getTime() - Date.now() : 0;
    if (before && left > RENEW_BEFORE_MS) return before;
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
  // Loaded on demand: workers on a local machine do not need the client.
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  // Ten attempts take 20 s on average. A fleet that starts at once may briefly exceed the concurrency of functions.
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
        `${functionName} refused to give this worker credentials for ${of}. ${errorMessage} If the repository has ended or another worker has it, do nothing; otherwise retry the job.`,
      );
    throw new CredentialsUnavailableError(
      `${functionName} failed to give credentials for ${of} (${errorType}: ${errorMessage}). Read its log group /aws/lambda/${functionName}.`,
    );
  }
  const { expiration, ...credentials } = WorkerCredentials.parse(answer);
  return { ...credentials, expiration: new Date(expiration) };
}
