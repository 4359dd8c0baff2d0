import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  DescribeSecretCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fillSecretCommand } from '../../core/secrets.ts';
import { parseSettings } from '../../core/settings.ts';
import { isToolchain } from '../built-image.ts';
import type { Configuration } from '../configuration.ts';
import { Names } from '../names.ts';
import { aboutSecret, secretsOf } from '../secret-names.ts';

/** The result of one check. `found` is one line; if `ok` is false, it ends with advice. */
export type Check = { name: string; ok: boolean; found: string };

export type Account = { region: string; profile: string | undefined };

/** The minimum bootstrap version that CDK 2 deploys with. */
const BOOTSTRAP_VERSION = 6;

/** Whether the stack was deployed before; a failed creation does not count. */
export async function isDeployed(stackName: string, account: Account): Promise<boolean> {
  try {
    const { Stacks } = await new CloudFormationClient(account).send(
      new DescribeStacksCommand({ StackName: stackName }),
    );
    return !/^(?:REVIEW_IN_PROGRESS|CREATE_FAILED|ROLLBACK_\w+)$/.test(Stacks?.[0]?.StackStatus ?? '');
  } catch (error) {
    if (/does not exist/.test((error as Error).message)) return false;
    throw error;
  }
}

/**
 * Checks the requirements of a deployment, which would otherwise fail only after minutes. Runs all checks, so that one run
 * shows all faults. Changes nothing.
 */
export async function checkDeployment(configuration: Configuration, account: Account): Promise<Check[]> {
  const [docker, credentials] = await Promise.all([checkDocker(configuration), checkCredentials(account)]);
  if (!credentials.ok) {
    const found = 'not checked: there are no credentials';
    return [docker, credentials, ...['Bootstrap', 'Secrets'].map((name) => ({ name, ok: false, found }))];
  }
  return [
    docker,
    credentials,
    ...(await Promise.all([checkBootstrap(account), checkSecrets(configuration, account)])),
    checkRepositories(configuration),
  ];
}

async function checkDocker({ workerImage, workerImages }: Configuration): Promise<Check> {
  const name = 'Docker';
  if (workerImage && !Object.values(workerImages).some(isToolchain))
    return { name, ok: true, found: `not needed, the worker's image is ${workerImage}` };
  try {
    const { stdout } = await promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}'], {
      timeout: 20_000,
    });
    return { name, ok: true, found: `runs, version ${stdout.trim()}` };
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    const why =
      code === 'ENOENT' ? 'is not installed' : `does not answer: ${firstLine(stderr || String(error))}`;
    return {
      name,
      ok: false,
      found: `${why}. Docker builds the worker's image: install or start it, or name an existing image by --context workerImage=URI`,
    };
  }
}

async function checkCredentials(account: Account): Promise<Check> {
  const name = 'Credentials';
  try {
    const { Account: id, Arn: who } = await new STSClient(account).send(new GetCallerIdentityCommand({}));
    return { name, ok: true, found: `${who}, account ${id}, region ${account.region}` };
  } catch (error) {
    return {
      name,
      ok: false,
      found: `${describe(error)}. Log in (aws sso login, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or name a profile by --profile`,
    };
  }
}

async function checkBootstrap(account: Account): Promise<Check> {
  const name = 'Bootstrap';
  const advice = 'Run once for this account and region: npx cdk bootstrap';
  try {
    const { Stacks } = await new CloudFormationClient(account).send(
      new DescribeStacksCommand({ StackName: 'CDKToolkit' }),
    );
    const written = Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === 'BootstrapVersion');
    const version = Number(written?.OutputValue ?? 0);
    return version >= BOOTSTRAP_VERSION
      ? { name, ok: true, found: `version ${version}` }
      : {
          name,
          ok: false,
          found: `version ${version}, but ${BOOTSTRAP_VERSION} or newer is needed. ${advice}`,
        };
  } catch (error) {
    const missing = /does not exist/.test((error as Error).message);
    return {
      name,
      ok: false,
      found: `${missing ? `${account.region} of this account is not bootstrapped` : describe(error)}. ${advice}`,
    };
  }
}

/** Secrets that only pull requests need; every worker needs the others. */
const OPTIONAL: readonly string[] = ['GITHUB_WRITE_TOKEN', 'GITHUB_APP_PRIVATE_KEY'];

async function checkSecrets(configuration: Configuration, account: Account): Promise<Check> {
  const client = new SecretsManagerClient(account);
  const names = new Names(configuration.environment);
  const states = await Promise.all(
    secretsOf(configuration.settings).map(async (secret) => {
      const id = names.of(aboutSecret(secret).part);
      return { secret, id, state: await stateOf(client, id) };
    }),
  );
  const faults = states.flatMap(({ secret, id, state }) => {
    if (state === 'empty' && !OPTIONAL.includes(secret))
      return [`${id} is empty. Fill it: ${fillSecretCommand(id, secret)}`];
    if (state === 'deleted')
      return [
        `${id} is scheduled for deletion. Restore it: aws secretsmanager restore-secret --secret-id ${id}`,
      ];
    return state === 'there' || state === 'new' || state === 'empty' ? [] : [`${id}: ${state}`];
  });
  const of = (wanted: string) => states.filter(({ state }) => state === wanted).map(({ id }) => id);
  const found = [
    ...faults,
    ...(of('new').length > 0 ? [`${of('new').join(', ')} will be created, empty`] : []),
    ...(of('there').length > 0 ? [`${of('there').join(', ')} filled`] : []),
    ...states
      .filter(({ secret, state }) => state === 'empty' && OPTIONAL.includes(secret))
      .map(
        ({ id, secret }) =>
          `${id} is empty, so no pull request can be opened. Fill it: ${fillSecretCommand(id, secret)}`,
      ),
  ];
  return { name: 'Secrets', ok: faults.length === 0, found: found.join('; ') };
}

async function stateOf(client: SecretsManagerClient, id: string): Promise<string> {
  try {
    const secret = await client.send(new DescribeSecretCommand({ SecretId: id }));
    if (secret.DeletedDate) return 'deleted';
    const versions = Object.values(secret.VersionIdsToStages ?? {});
    return versions.some((stages) => stages.includes('AWSCURRENT')) ? 'there' : 'empty';
  } catch (error) {
    return error instanceof ResourceNotFoundException ? 'new' : describe(error);
  }
}

/** Not a fault of the deployment, but all jobs would be refused. */
function checkRepositories({ environment, settings }: Configuration): Check {
  const allowed = parseSettings(settings).ALLOWED_REPOSITORIES;
  return {
    name: 'Repositories',
    ok: true,
    found:
      allowed.length > 0
        ? `${allowed.join(', ')} allowed`
        : `none allowed, so every job will be refused. Set ALLOWED_REPOSITORIES in cdk.json, environments.${environment}.settings`,
  };
}

function describe(error: unknown): string {
  const { name, message } = error as Error;
  return `${name}: ${firstLine(message)}`;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]!.replace(/\.$/, '');
}
