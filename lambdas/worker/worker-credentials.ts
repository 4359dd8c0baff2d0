import { createHash, timingSafeEqual } from 'node:crypto';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { WorkerRefusedError } from '../../core/errors.ts';
import { required, type Settings } from '../../core/settings.ts';
import { type WorkerCredentials, WorkerCredentialsRequest } from '../../core/worker-credentials.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { commandSecretPolicy, workSessionPolicy } from './worker-session-policy.ts';

export const Input = WorkerCredentialsRequest;

/** AWS's limit for a role that is assumed by a role. */
const SESSION_SECONDS = 3600;

const sts = new STSClient({});

/**
 * Gives a worker credentials that are limited to its job and repository. All workers have the same role, which may only
 * invoke this function; a worker is identified by the token that its execution created, whose SHA-256 is on the repository's
 * row. Throws WorkerRefusedError.
 */
export async function workerCredentials(
  request: WorkerCredentialsRequest,
  context: Context,
): Promise<WorkerCredentials> {
  const { jobId, repositoryName } = request;
  const worker = await requireWorking(request, context);
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: required(context.settings, 'WORKER_SESSION_ROLE_ARN'),
      // CloudTrail shows the name with each call. It allows every character of repository names except the slash.
      RoleSessionName: `${jobId}-${repositoryName.replace('/', '@')}`.slice(0, 64),
      DurationSeconds: SESSION_SECONDS,
      Policy: policyFor(request, worker, context.settings),
    }),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials!;
  return {
    accessKeyId: AccessKeyId!,
    secretAccessKey: SecretAccessKey!,
    sessionToken: SessionToken!,
    expiration: Expiration!.toISOString(),
  };
}

type RunOfWorker = { run: number; from?: number | undefined };

/** Checks the token against the repository's row. The error does not reveal whether the token or the name is wrong. */
async function requireWorking(
  { jobId, repositoryName, token, commandSecret }: WorkerCredentialsRequest,
  { jobs, repositories }: Context,
): Promise<RunOfWorker> {
  const worker = await repositories.findWorker(jobId, repositoryName);
  if (!worker?.tokenSha256 || !isDigestOf(worker.tokenSha256, token))
    throw new WorkerRefusedError(
      `The token is not valid for ${repositoryName} of ${jobId}. Another execution may have started on the repository since.`,
    );
  if (worker.status !== 'processing')
    throw new WorkerRefusedError(
      `${repositoryName} of ${jobId} is ${worker.status}, so no worker may work on it.`,
    );
  if (!commandSecret) return worker;
  const { commandSecrets = [] } = (await jobs.get(jobId)).settings;
  if (!commandSecrets.includes(commandSecret))
    throw new WorkerRefusedError(`settings.commandSecrets of ${jobId} does not name ${commandSecret}.`);
  return worker;
}

function isDigestOf(sha256: string, token: string): boolean {
  const expected = Buffer.from(sha256);
  const actual = Buffer.from(createHash('sha256').update(token).digest('hex'));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function policyFor(
  { jobId, repositoryName, commandSecret }: WorkerCredentialsRequest,
  { run, from }: RunOfWorker,
  settings: Settings,
): string {
  const partition = required(settings, 'WORKER_SESSION_ROLE_ARN').split(':')[1]!;
  if (commandSecret) return commandSecretPolicy(partition, commandSecret);
  const secretIds = [settings.secretId('CLAUDE_API_KEY'), settings.secretId('GITHUB_TOKEN')];
  return workSessionPolicy({
    jobId,
    repositoryName,
    run,
    from,
    partition,
    artifactsBucket: new URL(required(settings, 'ARTIFACTS_URL')).hostname,
    secretArns: secretIds.filter((id) => id !== undefined),
    bedrock: settings.CLAUDE_PROVIDER === 'bedrock',
  });
}

export const handler = functionHandler(Input, workerCredentials);
