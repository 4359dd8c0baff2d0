import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  allowedBy,
  flat,
  lines,
  ofType,
  type Resource,
  SYNTHESIS_MS,
  type Synthesized,
  synthesize,
  withPage,
  workerSessionRole,
} from '../support/synthesized.ts';

const SUBNETS = ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'];

let prod: Synthesized;
beforeAll(async () => {
  prod = await synthesize({
    environment: 'prod',
    ...(await withPage()),
    settings: JSON.stringify({
      ...{ CLAUDE_PROVIDER: 'bedrock', ALLOWED_REPOSITORIES: 'my-org/*' },
      COMMAND_SECRETS: 'REGISTRY_TOKEN',
    }),
    bedrockModels: 'eu.anthropic.claude-haiku-5-5',
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: `${SUBNETS}`,
    publicIp: 'false',
    oidcIssuer: 'https://sso.example.com/realms/main',
    oidcAudience: 'cody-batch',
    allowedOrigins: 'https://portal.example.com',
    oidcOrigins: 'https://token.example.com',
    workerImage: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/worker:7',
    workerImages: JSON.stringify({
      jdk: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/jdk:2',
      python: 'registry.example.com/python:3',
    }),
    defaultWorkerImage: 'jdk',
    imageRepository: 'true',
    workerStorageGiB: '50',
    maxVcpus: '500',
    requestsPerSecond: '20',
    alarmEmail: 'platform@example.com',
  });
}, SYNTHESIS_MS);
afterAll(() => prod?.remove());

const only = (type: string): Resource['Properties'] => {
  const found = ofType(prod.template, type);
  expect([type, found.length]).toEqual([type, 1]);
  return found[0]![1];
};

test('the API admits as many requests a second as the deployment says, and twice as many at once', () => {
  const { DefaultRouteSettings } = only('AWS::ApiGatewayV2::Stage');
  expect(DefaultRouteSettings).toMatchObject({ ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40 });
});

const definitionOf = (part: string): Resource['Properties'] =>
  ofType(prod.template, 'AWS::Batch::JobDefinition').find(
    ([, { JobDefinitionName }]) => JobDefinitionName === `cody-batch-prod-${part}`,
  )![1];

test('each worker image has a job definition that differs in its image only, and the functions know their names', () => {
  const parts = ['job-definition', 'job-definition-jdk', 'job-definition-python'];
  const images = parts.map((part) => flat(definitionOf(part).ContainerProperties.Image));
  expect(images).toEqual([
    '123456789012.dkr.ecr.eu-west-1.<AWS::URLSuffix>/team/worker:7',
    '123456789012.dkr.ecr.eu-west-1.<AWS::URLSuffix>/team/jdk:2',
    'registry.example.com/python:3',
  ]);
  const others = parts.map((part) => {
    const { JobDefinitionName: _, ContainerProperties, ...definition } = definitionOf(part);
    return { ...definition, ContainerProperties: { ...ContainerProperties, Image: '' } };
  });
  expect(others.slice(1)).toEqual([others[0], others[0]]);

  const variables = (name: string) =>
    ofType(prod.template, 'AWS::Lambda::Function').find(
      ([, { FunctionName }]) => FunctionName === `cody-batch-prod-${name}`,
    )![1].Environment.Variables;
  expect(variables('api').WORKER_IMAGES).toBe('jdk,default,python');
  const arns = JSON.parse(flat(variables('resolve-repositories').JOB_DEFINITIONS).replace(/>$/, '}'));
  expect(Object.keys(arns)).toEqual(['jdk', 'default', 'python']);
  expect(arns.python).toMatch(/^<AnalysisJobDefinitionpython\w+\.JobDefinitionArn>$/);
  const [[, machine]] = ofType(prod.template, 'AWS::StepFunctions::StateMachine') as [
    [string, Resource['Properties']],
  ];
  const submits = lines(allowedBy(prod.template, flat(machine.RoleArn).slice(1, -'.Arn>'.length)))
    .filter((line) => line.startsWith('batch:SubmitJob on arn'))
    .map((line) => line.replace(/^.*job-definition\//, ''));
  expect(submits).toEqual(
    parts.flatMap((part) => [`cody-batch-prod-${part}`, `cody-batch-prod-${part}:*`]).sort(),
  );
});

test('the repository for own images scans each, lets no tag be moved, removes old images, and outlives the stack', () => {
  const [[id, repository]] = ofType(prod.template, 'AWS::ECR::Repository') as [
    [string, Resource['Properties']],
  ];
  expect(repository).toMatchObject({
    RepositoryName: 'cody-batch-prod-worker',
    ImageScanningConfiguration: { ScanOnPush: true },
    ImageTagMutability: 'IMMUTABLE',
  });
  const { rules } = JSON.parse(repository.LifecyclePolicy.LifecyclePolicyText);
  const selections = rules.map(({ selection }: Record<string, unknown>) => selection);
  expect(selections).toEqual([
    { tagStatus: 'untagged', countType: 'sinceImagePushed', countNumber: 7, countUnit: 'days' },
    { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 50 },
  ]);
  expect(prod.template.Resources[id]!.DeletionPolicy).toBe('RetainExceptOnCreate');
});

test('with Bedrock a worker has no key, and may call the configured models', () => {
  const names = ofType(prod.template, 'AWS::SecretsManager::Secret').map(([, { Name }]) => Name);
  expect(names.sort()).toEqual([
    'cody-batch-prod-command-secret-REGISTRY_TOKEN',
    'cody-batch-prod-github-read-token',
    'cody-batch-prod-github-write-token',
  ]);
  const granted = lines(allowedBy(prod.template, workerSessionRole(prod.template)));
  const invoke = 'bedrock:InvokeModelWithResponseStream on arn:<AWS::Partition>:bedrock:';
  expect(granted.filter((line) => line.startsWith('bedrock:'))).toEqual(
    [
      `${invoke}*::foundation-model/anthropic.claude-haiku-5-5`,
      `${invoke}*::foundation-model/anthropic.claude-sonnet-5-5`,
      `${invoke}::foundation-model/anthropic.claude-sonnet-5-5`,
      `${invoke}<AWS::Region>:<AWS::AccountId>:inference-profile/eu.anthropic.claude-haiku-5-5`,
      `${invoke}<AWS::Region>:<AWS::AccountId>:inference-profile/global.anthropic.claude-sonnet-5-5`,
    ].sort(),
  );
});

test('a configured page of another origin may call the API, and no other page', () => {
  expect(only('AWS::ApiGatewayV2::Api').CorsConfiguration).toMatchObject({
    AllowOrigins: ['https://portal.example.com'],
    AllowHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-none-match'],
    ExposeHeaders: ['etag', 'location', 'retry-after'],
  });
});

test('a command secret is created empty, and only the worker may read it', () => {
  const [id] = ofType(prod.template, 'AWS::SecretsManager::Secret').find(([, { Name }]) =>
    Name.endsWith('REGISTRY_TOKEN'),
  )!;
  const { Environment } = definitionOf('job-definition').ContainerProperties;
  const variables = Environment.map(({ Name, Value }: Record<string, unknown>) => `${Name}=${flat(Value)}`);
  expect(variables).toContain(`REGISTRY_TOKEN_SECRET_ID=<${id}>`);
  const readers = ofType(prod.template, 'AWS::IAM::Role')
    .map(([role]) => role)
    .filter((role) => lines(allowedBy(prod.template, role)).join('\n').includes(`<${id}>`));
  expect(readers).toEqual([workerSessionRole(prod.template)]);
});

test('data of prod outlives the stack and is protected from deletion', () => {
  for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket']) {
    const kept = Object.values(prod.template.Resources).filter(
      ({ Type, Properties }) =>
        Type === type && !JSON.stringify(Properties.BucketName ?? '').includes('frontend'),
    );
    expect(kept.length).toBe(2);
    // Not Retain: what a failed first deployment made has to go, or the next one meets its names.
    for (const { DeletionPolicy } of kept) expect(DeletionPolicy).toBe('RetainExceptOnCreate');
  }
  for (const [, { DeletionProtectionEnabled }] of ofType(prod.template, 'AWS::DynamoDB::Table'))
    expect(DeletionProtectionEnabled).toBe(true);
});

test('workers run in the configured VPC, and none is created', () => {
  expect(ofType(prod.template, 'AWS::EC2::VPC')).toEqual([]);
  for (const [, { ComputeResources }] of ofType(prod.template, 'AWS::Batch::ComputeEnvironment')) {
    expect(ComputeResources).toMatchObject({ Subnets: SUBNETS, MaxvCpus: 500 });
  }
  expect(only('AWS::EC2::SecurityGroup').VpcId).toBe('vpc-0123456789abcdef0');
  const container = definitionOf('job-definition').ContainerProperties;
  expect(container.NetworkConfiguration).toEqual({ AssignPublicIp: 'DISABLED' });
  expect(container.EphemeralStorage).toEqual({ SizeInGiB: 50 });
  expect(flat(container.Image)).toBe('123456789012.dkr.ecr.eu-west-1.<AWS::URLSuffix>/team/worker:7');
});

test('with another issuer the API needs its tokens, and no user pool is created', () => {
  expect(only('AWS::ApiGatewayV2::Authorizer').JwtConfiguration).toEqual({
    Issuer: 'https://sso.example.com/realms/main',
    Audience: ['cody-batch'],
  });
  expect(ofType(prod.template, 'AWS::Cognito::UserPool')).toEqual([]);
});

test('the page calls the API by its own origin, and only CloudFront reads the page', () => {
  const [[distribution, { DistributionConfig }]] = ofType(prod.template, 'AWS::CloudFront::Distribution') as [
    [string, Resource['Properties']],
  ];
  expect(DistributionConfig.CacheBehaviors).toHaveLength(1);
  expect(DistributionConfig.CacheBehaviors[0]).toMatchObject({
    PathPattern: '/api/*',
    ViewerProtocolPolicy: 'https-only',
    // CachingDisabled, and AllViewerExceptHostHeader: the token arrives, and no answer is kept for another caller.
    CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
    OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
  });
  // A problem document of the API must arrive as it is.
  expect(DistributionConfig.CustomErrorResponses).toBeUndefined();
  expect(flat(prod.template.Outputs.PageUrl!.Value)).toBe(`https://<${distribution}.DomainName>`);

  expect(DistributionConfig.Origins[0].OriginAccessControlId).toBeDefined();
  // Both are one list for all regions of an account.
  expect(flat(only('AWS::CloudFront::OriginAccessControl').OriginAccessControlConfig.Name)).toBe(
    'cody-batch-prod-frontend-<AWS::Region>',
  );
  expect(flat(only('AWS::CloudFront::ResponseHeadersPolicy').ResponseHeadersPolicyConfig.Name)).toBe(
    'cody-batch-prod-headers-<AWS::Region>',
  );
  const statements = ofType(prod.template, 'AWS::S3::BucketPolicy').flatMap(
    ([, { PolicyDocument }]) => PolicyDocument.Statement,
  );
  const readers = statements.filter(
    ({ Effect, Principal }) => Effect === 'Allow' && Principal.Service === 'cloudfront.amazonaws.com',
  );
  expect(readers.map(({ Action }) => Action)).toEqual(['s3:GetObject']);
  const { SecurityHeadersConfig } = only(
    'AWS::CloudFront::ResponseHeadersPolicy',
  ).ResponseHeadersPolicyConfig;
  const csp = flat(SecurityHeadersConfig.ContentSecurityPolicy.ContentSecurityPolicy);
  expect(csp).toContain("default-src 'none'");
  expect(csp).toMatch(
    /connect-src 'self' https:\/\/sso\.example\.com https:\/\/token\.example\.com https:\/\/<StorageArtifacts\w+\.RegionalDomainName>;/,
  );
  expect(csp).toContain("trusted-types 'none'");
  expect(SecurityHeadersConfig.StrictTransportSecurity.IncludeSubdomains).toBe(true);
});

test('an address within the page is its document, and a missing file stays an error', () => {
  const { FunctionCode } = only('AWS::CloudFront::Function');
  const rewrite = new Function('event', `${FunctionCode}; return handler(event).uri;`);
  const uriOf = (uri: string) => rewrite({ request: { uri } });
  expect(['/', '/j/job-1/r/acme/site.js', '/new'].map(uriOf)).toEqual(Array(3).fill('/index.html'));
  expect(['/assets/gone-1a2b.js', '/config.json', '/favicon.svg'].map(uriOf)).toEqual([
    '/assets/gone-1a2b.js',
    '/config.json',
    '/favicon.svg',
  ]);
});

test('a deployment takes nothing from open pages, and only hashed files are kept by browsers', () => {
  const uploads = ofType(prod.template, 'Custom::CDKBucketDeployment').map(([, properties]) => properties);
  expect(uploads.map(({ Prune, SystemMetadata }) => [Prune, SystemMetadata['cache-control']]).sort()).toEqual(
    [
      [false, 'no-cache'],
      [false, 'public, max-age=31536000, immutable'],
    ],
  );
});

test('the configured address is subscribed to alarms and the budget', () => {
  expect(only('AWS::SNS::Subscription')).toMatchObject({
    Protocol: 'email',
    Endpoint: 'platform@example.com',
  });
  const budget = only('AWS::Budgets::Budget');
  expect(budget.Budget.CostFilters).toEqual({ TagKeyValue: ['user:cody-batch:environment$prod'] });
  for (const { Subscribers } of budget.NotificationsWithSubscribers)
    expect(Subscribers).toEqual([{ SubscriptionType: 'SNS', Address: expect.anything() }]);
});
