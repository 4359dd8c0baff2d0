import { NOT_TRIED_AGAIN, WORKER_ATTEMPTS } from '../core/attempts.ts';
import { SECRET_VARIABLES, type Variables, WRITE_CREDENTIALS } from '../core/secrets.ts';
import { commandSecretVariables } from '../core/settings.ts';
import type { LocalJobDefinition } from './batch/job-definition.ts';
import { JOB_DEFINITION } from './environment.ts';

/** The job definition of the workers. Secrets are apart, so that DescribeJobs does not show them. */
export function workerJobDefinition(options: {
  command: string[];
  /** Read at each start of a worker, because Batch's own endpoint is known only once it listens. */
  environment: () => Record<string, string>;
  given: Variables;
  /** Has the worker's bundle, and gets Node.js's compile cache. */
  workerFolder: string;
  temporaryFolder: string;
}): LocalJobDefinition {
  const { command, environment, given, workerFolder, temporaryFolder } = options;
  return {
    name: JOB_DEFINITION,
    command,
    get environment() {
      const plain = pick(environment(), (name) => !isSecret(name, given));
      return { ...plain, NODE_COMPILE_CACHE: workerFolder };
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
