import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { STSClient } from '@aws-sdk/client-sts';
import { CodyBatchError, SettingsError, UsageError } from '../../core/errors.ts';
import { fillSecretCommand, type Variables } from '../../core/secrets.ts';
import { print, tell } from '../../core/terminal.ts';
import type { Configuration } from '../configuration.ts';
import { Names } from '../names.ts';
import { aboutSecret, secretsOf } from '../secret-names.ts';
import { findBaseImage } from './base-image.ts';
import { type Account, type Check, checkDeployment, isDeployed } from './checks.ts';
import { checkDeployed, outputsOf } from './deployed.ts';
import { type Invocation, parseInvocation, ROOT, USAGE } from './invocation.ts';
import { whatIsKept } from './kept.ts';
import { keepOnly, type Part } from './only.ts';
import { smoke } from './smoke.ts';

/**
 * `npm run deploy|synth|diff|destroy`: runs CDK, with checks before a deployment and instructions after it. Returns the exit
 * status: CDK's own, or 2 if nothing was started.
 */
export async function main(args: readonly string[], environment: Variables): Promise<number> {
  if (args.length === 0 || args.includes('--help') || args.includes('-h')) {
    print(USAGE);
    return args.length === 0 ? 2 : 0;
  }
  try {
    const invocation = parseInvocation(args);
    return await (invocation.command === 'deploy'
      ? deploy(invocation, environment)
      : invocation.command === 'destroy'
        ? destroy(invocation)
        : cdk(invocation, invocation.command === 'synth' ? ['synth', '--quiet'] : ['diff']));
  } catch (error) {
    if (!(error instanceof CodyBatchError)) throw error;
    tell(error.message);
    if (error instanceof UsageError) tell(USAGE.trimEnd());
    return 2;
  }
}

async function deploy(invocation: Invocation, environment: Variables): Promise<number> {
  const { profile, hotswap, only, yes } = invocation;
  // The template then keeps the image that is deployed, so none is built.
  const keepsImage = only !== undefined && only !== 'worker';
  const configuration = keepsImage ? withoutBuiltImages(invocation.configuration) : invocation.configuration;
  const region = await regionOf(environment, profile);
  const account = { region, profile };
  const checks = await checkDeployment(configuration, account);
  const dockerAnswers = checks.some(({ name, ok }) => name === 'Docker' && ok);
  const base = dockerAnswers ? await findBaseImage(configuration) : undefined;
  if (base) checks.push(base.check);
  for (const check of checks) printCheck(check);
  if (checks.some(({ ok }) => !ok)) {
    tell('Nothing was started.');
    return 2;
  }
  const built = only === undefined || only === 'page' ? await run('npm', ['run', 'build:web']) : 0;
  if (built !== 0) return built;
  const contexts = [
    ...(base?.image ? [`workerBaseImage=${base.image}`] : []),
    ...(keepsImage
      ? [
          `workerImage=${configuration.workerImage}`,
          `workerImages=${JSON.stringify(configuration.workerImages)}`,
        ]
      : []),
  ].flatMap((pair) => ['--context', pair]);
  const flags = [...(hotswap ? ['--hotswap-fallback'] : []), ...(yes ? ['--require-approval', 'never'] : [])];
  const deployment = ['deploy', ...flags, ...contexts];
  const status = only
    ? await deployOnly(only, invocation, account, { contexts, flags })
    : (await firstWithoutProtection(invocation, account, deployment)) || (await cdk(invocation, deployment));
  if (status !== 0) return status;
  printNextSteps(invocation);
  return look(invocation, account);
}

/** The names of the images stay, because each has a job definition. */
function withoutBuiltImages(configuration: Configuration): Configuration {
  const workerImage = 'the-deployed-one';
  const named = Object.keys(configuration.workerImages).map((name) => [name, workerImage]);
  return { ...configuration, workerImage, workerImages: Object.fromEntries(named) };
}

/** Synthesizes, and deploys the deployed template with this part of the new one. */
async function deployOnly(
  part: Part,
  invocation: Invocation,
  account: Account,
  { contexts, flags }: { contexts: readonly string[]; flags: readonly string[] },
): Promise<number> {
  const stack = new Names(invocation.configuration.environment).stack;
  const status = await cdk(invocation, ['synth', '--quiet', ...contexts]);
  if (status !== 0) return status;
  await keepOnly(part, { folder: path.join(ROOT, 'cdk.out'), stack, account });
  return cdk(invocation, ['deploy', '--app', 'cdk.out', ...flags, ...contexts]);
}

/** Prints what was deployed, and looks whether it answers. Returns the exit status. */
async function look({ configuration, smoke: repository }: Invocation, account: Account): Promise<number> {
  const names = new Names(configuration.environment);
  const outputs = await outputsOf(names.stack, account).catch((error: Error) => {
    tell(`The outputs of ${names.stack} could not be read: ${error.message}. Look at them in the console.`);
    return {};
  });
  print('\nDeployed:\n');
  for (const [name, value] of Object.entries(outputs)) print(`  ${name.padEnd(24)} ${value}\n`);
  const checks = await checkDeployed(outputs);
  for (const check of checks) printCheck(check);
  if (repository && checks.every(({ ok }) => ok)) {
    const check = await smoke(names.of('api'), repository, account);
    printCheck(check);
    checks.push(check);
  }
  return checks.every(({ ok }) => ok) ? 0 : 1;
}

/**
 * Deploys a new stack whose data are protected once without deletion protection, because a failed first deployment could not
 * be rolled back and its names would stay taken. Returns the exit status, 0 if there was nothing to do.
 */
async function firstWithoutProtection(
  invocation: Invocation,
  account: Account,
  deployment: readonly string[],
): Promise<number> {
  const names = new Names(invocation.configuration.environment);
  if (!invocation.configuration.deletionProtection || (await isDeployed(names.stack, account))) return 0;
  print(
    `${names.stack} is new. It is deployed twice, first without deletion protection, so that a failure can be rolled back.\n`,
  );
  return cdk(invocation, [...deployment, '--context', 'deletionProtection=false']);
}

/** The region of the environment variables, as the CDK and the AWS CLI read them, or else of the profile. */
async function regionOf(environment: Variables, profile: string | undefined): Promise<string> {
  const region = environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION;
  if (region) return region;
  try {
    return await new STSClient({ profile }).config.region();
  } catch (cause) {
    throw new SettingsError('There is no AWS region. Set AWS_REGION, or set a region in the profile.', {
      cause,
    });
  }
}

function printCheck({ name, ok, found }: Check): void {
  tell(`${ok ? '✓' : '✗'} ${name}: ${found}.`, ok ? process.stdout : process.stderr);
}

function printNextSteps({ configuration }: Invocation): void {
  const names = new Names(configuration.environment);
  print('\nSet the secrets once, and again whenever one changes:\n');
  for (const secret of secretsOf(configuration.settings)) {
    const { part, purpose } = aboutSecret(secret);
    print(`  ${purpose}\n    ${fillSecretCommand(names.of(part), secret)}\n`);
  }
}

async function destroy(invocation: Invocation): Promise<number> {
  print(`${whatIsKept(invocation.configuration)}\n`);
  return cdk(invocation, ['destroy', ...(invocation.yes ? ['--force'] : [])]);
}

/** Runs the installed CDK with this environment's context. Returns its exit status. */
async function cdk({ configuration, context, profile }: Invocation, args: string[]): Promise<number> {
  const pairs = [`environment=${configuration.environment}`, ...context];
  const contexts = pairs.flatMap((pair) => ['--context', pair]);
  return run('cdk', [...args, ...contexts, ...(profile ? ['--profile', profile] : [])]);
}

async function run(program: string, args: readonly string[]): Promise<number> {
  const child = spawn(program, args, { cwd: ROOT, stdio: 'inherit' });
  const [status] = (await once(child, 'exit')) as [number | null];
  return status ?? 1;
}
