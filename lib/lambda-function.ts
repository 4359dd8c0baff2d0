import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, type FunctionOptions, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { SettingsError } from '../core/errors.ts';
import { type Access, environmentOf, grantsOf, type Resources } from './access.ts';
import type { FunctionBundle } from './bundles.ts';
import { acknowledgeWildcards, grant, NO_RESOURCES } from './grant.ts';
import type { Names } from './names.ts';

/** The properties that all functions of an environment share. */
export interface FunctionSetting {
  readonly names: Names;
  readonly resources: Resources & { readonly jobQueueName: string; readonly deadLettersUrl: string };
  /** Settings of the product, as core/settings.ts names them. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface LambdaFunctionProps extends FunctionSetting {
  readonly bundle: FunctionBundle;
  readonly access: Access;
  /** @default 15 minutes, the most that Lambda allows; the state machine's own timeout is the same */
  readonly timeout?: Duration;
  /** @default 512 */
  readonly memoryMiB?: number;
  readonly options?: Pick<FunctionOptions, 'deadLetterQueue' | 'retryAttempts'>;
}

/** A function of `lambdas/`, with a role that allows its access only, a log group, and tracing. */
export class LambdaFunction extends NodejsFunction {
  constructor(scope: Construct, id: string, props: LambdaFunctionProps) {
    const { access, bundle, names, resources, settings } = props;
    const functionName = names.of(bundle.name);
    const logGroup = new LogGroup(scope, `${id}Logs`, {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const environment = {
      ...settings,
      ...environmentOf(access, resources),
      NODE_OPTIONS: '--enable-source-maps',
      METRICS_NAMESPACE: names.metrics,
      POWERTOOLS_SERVICE_NAME: 'cody-batch',
      POWERTOOLS_LOG_LEVEL: 'INFO',
    };
    requireFittingEnvironment(environment, settings);
    const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    super(scope, id, {
      functionName,
      code: Code.fromAsset(bundle.folder),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMiB ?? 512,
      timeout: props.timeout ?? Duration.minutes(15),
      tracing: Tracing.ACTIVE,
      awsSdkConnectionReuse: false, // the AWS SDK reuses connections since its version 3
      role,
      logGroup,
      environment,
      ...props.options,
    });
    grant(role, [
      ...grantsOf(access, resources),
      {
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
        why: 'Lambda names the log streams of this group.',
      },
    ]);
    // Tracing.ACTIVE adds the statements for X-Ray.
    acknowledgeWildcards(role, ['*'], NO_RESOURCES);
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_BYTES = 4096;
/** What CloudFormation fills in: a region, an account or a partition, or else an ARN or a name. */
const TOKEN = /\$\{Token\[(AWS\.)?[^\]]*\]\}/g;
/** As many characters as that has at most. */
function resolvedLength(_: string, isPseudoParameter?: string): string {
  return ' '.repeat(isPseudoParameter ? 16 : 150);
}

/** Throws SettingsError for an environment that Lambda would reject, before anything is deployed. */
function requireFittingEnvironment(
  environment: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>>,
): void {
  const bytesOf = ([name, value]: [string, string]) =>
    name.length + Buffer.byteLength(value.replace(TOKEN, resolvedLength));
  const bytes = Object.entries(environment).reduce((sum, entry) => sum + bytesOf(entry), 0);
  if (bytes <= ENVIRONMENT_BYTES) return;
  const [longest] = Object.entries(settings).sort((a, b) => bytesOf(b) - bytesOf(a));
  throw new SettingsError(
    `The environment variables of a function have ${bytes} bytes; Lambda allows ${ENVIRONMENT_BYTES}. Shorten the longest setting, ${longest?.[0]}, which has ${longest?.[1].length} characters (in ALLOWED_REPOSITORIES, owner/* allows all repositories of an owner).`,
  );
}
