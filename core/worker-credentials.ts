import { z } from 'zod';
import { CommandSecretName } from './command-secrets.ts';
import { JobId, RepositoryName } from './job.ts';

/** A worker's request to the function WorkerCredentials. */
export const WorkerCredentialsRequest = z.object({
  jobId: JobId,
  repositoryName: RepositoryName,
  /** WORKER_TOKEN, whose SHA-256 is on the repository's row. */
  token: z.string().min(1).max(200),
  /** Requests credentials that can only read this secret of the job's `settings.commandSecrets`. */
  commandSecret: CommandSecretName.optional(),
});
export type WorkerCredentialsRequest = z.infer<typeof WorkerCredentialsRequest>;

/** The answer of WorkerCredentials. `expiration` is ISO 8601. */
export const WorkerCredentials = z.object({
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  sessionToken: z.string(),
  expiration: z.iso.datetime(),
});
export type WorkerCredentials = z.infer<typeof WorkerCredentials>;

/** A credential provider of the AWS SDK. */
export type CredentialProvider = () => Promise<{
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}>;

/** The credentials of the AWS clients of a process. */
export type CredentialSource = {
  forWork: CredentialProvider;
  /** Credentials that can only read this secret of COMMAND_SECRETS. */
  forCommandSecret(name: string): CredentialProvider;
};
