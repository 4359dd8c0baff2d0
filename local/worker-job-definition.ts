import path from 'node:path';
import { NOT_TRIED_AGAIN, WORKER_ATTEMPTS } from '../core/attempts.ts';
import { SECRET_VARIABLES, type Variables, WRITE_CREDENTIALS } from '../core/secrets.ts';
import { commandSecretVariables, parseSettings } from '../core/settings.ts';
import type { LocalJobDefinition } from './batch/job-definition.ts';
import { jobDefinitionsOf } from './environment.ts';

type WorkerOptions = {
  command: string[];
  /** Read at each start of a worker, because Batch's own endpoint is known only once it listens. */
  environment: () => Record<string, string>;
  given: Variables;
  /** Has the worker's bundle, and gets Node.js's compile cache. */
  workerFolder: string;
  temporaryFolder: string;
};

/**
 * The job definitions of the workers, one for each image. All run the same command: an image only adds folders to the front
 * of the PATH, which is all that commands of a job inherit from a worker.
 */
export function workerJobDefinitions(options: WorkerOptions): LocalJobDefinition[] {
  const { LOCAL_IMAGES } = parseSettings({ LOCAL_IMAGES: options.given.LOCAL_IMAGES });
  return Object.entries(jobDefinitionsOf(options.given)).map(([image, name]) =>
    workerJobDefinition(name, LOCAL_IMAGES[image], options),
  );
}

/** Secrets are apart, so that DescribeJobs does not show them. */
function workerJobDefinition(
  name: string,
  folders: string | undefined,
  { command, environment, given, workerFolder, temporaryFolder }: WorkerOptions,
): LocalJobDefinition {
  const PATH = [folders, process.env.PATH].filter(Boolean).join(path.delimiter);
  return {
    name,
    command,
    get environment() {
      const plain = pick(environment(), (name) => !isSecret(name, given));
      return { ...plain, ...(folders && { PATH }), NODE_COMPILE_CACHE: workerFolder };
    },
    get secrets() {
      return pick(environment(), (name) => isSecret(name, given));
    },
    scratch: { folder: temporaryFolder, variable: 'TEMP_DIR' },
    attempts: WORKER_ATTEMPTS,
    evaluateOnExit: NOT_TRIED_AGAIN,
    timeoutSeconds: 3600,
  };
}

function isSecret(name: string, given: Variables): boolean {
  return (
    [...SECRET_VARIABLES, 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'].includes(name) ||
    commandSecretVariables(given).includes(name)
  );
}

/** Leaves out credentials that may write to GitHub: a worker only reads repositories and calls the model. */
function pick(variables: Record<string, string>, keep: (name: string) => boolean): Record<string, string> {
  const mayWrite = (name: string) => WRITE_CREDENTIALS.includes(name.replace(/_SECRET_ID$/, ''));
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !mayWrite(name) && keep(name)));
}
