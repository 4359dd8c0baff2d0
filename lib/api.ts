import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CorsHttpMethod,
  type CorsPreflightOptions,
  HttpApi,
  HttpMethod,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ROTATE_CREDENTIAL } from '../lambdas/api/admin/rotate-credential-route.ts';
import type { Access } from './access.ts';
import { acknowledge } from './acknowledge.ts';
import type { FunctionBundle } from './bundles.ts';
import { type FunctionSetting, LambdaFunction } from './lambda-function.ts';
import { ENDED_ROWS } from './steps.ts';

export interface ApiProps extends FunctionSetting {
  readonly bundle: FunctionBundle;
  /** The function of the routes that write secrets. */
  readonly credentialsBundle: FunctionBundle;
  /** The issuer of the tokens, and their audience. */
  readonly issuer: string;
  readonly audience: readonly string[];
  /** Origins of web pages, other than the page's own, that may call from a browser. */
  readonly allowedOrigins: readonly string[];
  /** Of all callers together. A page that shows a job sends one every few seconds. */
  readonly requestsPerSecond: number;
}

const ACCESS: Access = {
  jobs: ['GetItem', 'PutItem', 'UpdateItem', 'Query'],
  repositories: ['QueryTable', 'BatchWriteItem', ...ENDED_ROWS],
  artifacts: ['read', 'write', 'remove'],
  batchJobs: true,
  executions: [
    'StartExecution',
    'StopExecution',
    'DescribeExecution',
    'GetExecutionHistory',
    'DescribeStateMachineForExecution',
    'DescribeStateMachine',
    'DescribeMapRun',
    'ListMapRuns',
    'UpdateMapRun',
  ],
  secrets: ['GITHUB_TOKEN'],
  images: 'names',
  backups: true,
};

/** The routes that write secrets: an audit line, the limit of writes, and new values, which it cannot read. */
const CREDENTIALS_ACCESS: Access = {
  jobs: ['PutItem', 'UpdateItem'],
  rotates: ['CLAUDE_API_KEY', 'GITHUB_TOKEN', 'GITHUB_WRITE_TOKEN', 'GITHUB_APP_PRIVATE_KEY'],
};

/** The HTTP API: a token on every route but /health and /openapi.json. */
export class Api extends Construct {
  readonly function: LambdaFunction;
  readonly credentials: LambdaFunction;
  readonly httpApi: HttpApi;
  readonly accessLogs: LogGroup;

  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    this.function = new LambdaFunction(this, 'Function', {
      ...props,
      access: ACCESS,
      // Below the 30 s of an HTTP API.
      timeout: Duration.seconds(29),
      memoryMiB: 1024,
    });
    this.credentials = new LambdaFunction(this, 'Credentials', {
      ...props,
      bundle: props.credentialsBundle,
      access: CREDENTIALS_ACCESS,
      timeout: Duration.seconds(29),
    });
    this.httpApi = this.#httpApi(props);
    this.#addRoutes(props);
    this.accessLogs = this.#addStage(props);
  }

  /** The page calls it by the page's own origin, so CORS is for other pages only. */
  #httpApi({ names, allowedOrigins }: ApiProps): HttpApi {
    return new HttpApi(this, 'HttpApi', {
      apiName: names.of('api'),
      createDefaultStage: false,
      corsPreflight: allowedOrigins.length > 0 ? { ...CORS, allowOrigins: [...allowedOrigins] } : undefined,
    });
  }

  /** lambdas/api/handler.ts has the routes; this separates those without authorization, and those of another function. */
  #addRoutes({ issuer, audience }: ApiProps): void {
    const integration = new HttpLambdaIntegration('Integration', this.function);
    for (const [path, reason] of Object.entries(OPEN)) {
      for (const alias of [path, `/api${path}`]) {
        const [route] = this.httpApi.addRoutes({ path: alias, methods: [HttpMethod.GET], integration });
        acknowledge(route!, { 'AwsSolutions-APIG4': reason });
      }
    }
    const authorizer = new HttpJwtAuthorizer('Authorizer', issuer, { jwtAudience: [...audience] });
    this.httpApi.addRoutes({
      path: '/{proxy+}',
      methods: [HttpMethod.GET, HttpMethod.POST, HttpMethod.DELETE],
      integration,
      authorizer,
    });
    // API Gateway prefers the route that matches most of a path.
    for (const alias of [ROTATE_CREDENTIAL.path, `/api${ROTATE_CREDENTIAL.path}`])
      this.httpApi.addRoutes({
        path: alias,
        methods: [HttpMethod[ROTATE_CREDENTIAL.method]],
        integration: new HttpLambdaIntegration('CredentialsIntegration', this.credentials),
        authorizer,
      });
  }

  #addStage({ names, requestsPerSecond }: ApiProps): LogGroup {
    const logGroup = new LogGroup(this, 'AccessLogs', {
      logGroupName: `/aws/vendedlogs/${names.of('api')}`,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: requestsPerSecond, burstLimit: 2 * requestsPerSecond },
      accessLogSettings: {
        destination: new LogGroupLogDestination(logGroup),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    });
    return logGroup;
  }
}

/** Paths that need no token, and why. */
const OPEN = {
  '/health': 'Monitoring of the service has no token; the answer names no job and no repository.',
  '/openapi.json': 'The answer is the same for every deployment of a version, and is public with its source.',
};

/** What a client of the API sends and reads, besides what browsers always allow. */
const CORS: CorsPreflightOptions = {
  allowMethods: [CorsHttpMethod.GET, CorsHttpMethod.POST, CorsHttpMethod.DELETE],
  allowHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-none-match'],
  exposeHeaders: ['etag', 'location', 'retry-after'],
  maxAge: Duration.hours(2),
};

const ACCESS_LOG = {
  requestId: '$context.requestId',
  time: '$context.requestTime',
  sourceIp: '$context.identity.sourceIp',
  caller: '$context.authorizer.claims.sub',
  method: '$context.httpMethod',
  path: '$context.path',
  status: '$context.status',
  latencyMs: '$context.responseLatency',
  authorizerError: '$context.authorizer.error',
  integrationError: '$context.integrationErrorMessage',
};
