import { z } from 'zod';
import { CommandSecretName } from './command-secrets.ts';
import { JobId, RepositoryName } from './job.ts';

/** What a worker asks the function WorkerCredentials for. */
export const WorkerCredentialsRequest = z.object({
  jobId: JobId,
  repositoryName: RepositoryName,
  /** WORKER_TOKEN, whose SHA-256 is on the repository's row. */
  token: z.string().min(1).max(200),
  /** Asks for credentials that read this one secret of the job's `settings.commandSecrets`, and do nothing else. */
  commandSecret: CommandSecretName.optional(),
});
export type WorkerCredentialsRequest = z.infer<typeof WorkerCredentialsRequest>;

/** What it answers. `expiration` is ISO 8601. */
export const WorkerCredentials = z.object({
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  sessionToken: z.string(),
  expiration: z.iso.datetime(),
});
export type WorkerCredentials = z.infer<typeof WorkerCredentials>;

/** As every client of the AWS SDK takes it. */
export type CredentialProvider = () => Promise<{
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}>;

/** Where the AWS clients of a process take their credentials from. */
export type CredentialSource = {
  forWork: CredentialProvider;
  /** Those that read this one secret of COMMAND_SECRETS. */
  forCommandSecret(name: string): CredentialProvider;
};
