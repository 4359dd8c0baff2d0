import { CfnOutput, Size, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { parseSettings } from '../core/settings.ts';
import { mapLabels } from '../statemachine/job.ts';
import { arnByName } from './access.ts';
import { Api } from './api.ts';
import { BatchCompute } from './batch-compute.ts';
import type { FunctionBundles } from './bundles.ts';
import type { Configuration } from './configuration.ts';
import { Events } from './events.ts';
import { Monitoring } from './monitoring.ts';
import { Names } from './names.ts';
import { Network } from './network.ts';
import { Secrets, secretsOf } from './secrets.ts';
import { SignIn } from './sign-in.ts';
import { Steps } from './steps.ts';
import { Storage } from './storage.ts';
import { Web } from './web.ts';
import { workerGrants, workerSecretIds } from './worker-access.ts';
import { namedImage, workerImage } from './worker-image.ts';
import { WorkerSession, workerCredentialsFunction } from './worker-session.ts';
import { stateMachineName, Workflow } from './workflow.ts';

export interface CodyBatchStackProps {
  readonly configuration: Configuration;
  readonly bundles: FunctionBundles;
  /** What worker/Dockerfile builds from, laid out; not used where the configuration names an image. */
  readonly workerFolder: string;
  /**
   * The built page.
   * @default - no page: the API alone
   */
  readonly pageFolder?: string;
}

/** One environment of Cody Batch. It looks nothing up: the same template deploys to any account and region. */
export class CodyBatchStack extends Stack {
  constructor(scope: Construct, { configuration, bundles, workerFolder, pageFolder }: CodyBatchStackProps) {
    const names = new Names(configuration.environment);
    super(scope, names.stack, {
      stackName: names.stack,
      description: 'Cody Batch: one prompt, many repositories.',
      tags: { 'cody-batch:environment': configuration.environment },
      terminationProtection: configuration.deletionProtection,
    });
    const product = parseSettings(configuration.settings);
    const bedrock = product.CLAUDE_PROVIDER === 'bedrock';

    const storage = new Storage(this, 'Storage', {
      names,
      keepData: configuration.keepData,
      deletionProtection: configuration.deletionProtection,
      resultDays: product.RESULT_DAYS,
    });
    const secrets = new Secrets(this, 'Secrets', { names, secrets: secretsOf(configuration.settings) });
    const stored = {
      jobsTable: storage.jobsTable,
      repositoriesTable: storage.repositoriesTable,
      artifacts: storage.artifacts,
      secretArns: secrets.arns,
    };
    const { vpcId, subnetIds } = configuration;
    const network = new Network(this, 'Network', { names, ...(vpcId && { existing: { vpcId, subnetIds } }) });
    const analysis = new BatchCompute(this, 'Analysis', {
      names,
      network,
      publicIp: configuration.publicIp,
      image: configuration.workerImage
        ? namedImage(this, configuration.workerImage)
        : workerImage(workerFolder, configuration.workerBaseImage),
      vcpu: configuration.workerVcpu,
      memory: Size.mebibytes(configuration.workerMemoryMiB),
      storage: Size.gibibytes(configuration.workerStorageGiB),
      maxVcpus: configuration.maxVcpus,
      environment: {
        ...configuration.settings,
        DYNAMODB_JOBS_TABLE: storage.jobsTable.tableName,
        DYNAMODB_REPOSITORIES_TABLE: storage.repositoriesTable.tableName,
        ARTIFACTS_URL: `s3://${storage.artifacts.bucketName}`,
        ...workerSecretIds(secrets.arns, product.COMMAND_SECRETS),
        WORKER_CREDENTIALS_FUNCTION: workerCredentialsFunction(names),
      },
      grants: [
        {
          actions: ['lambda:InvokeFunction'],
          resources: [arnByName('lambda', `function:${workerCredentialsFunction(names)}`)],
        },
      ],
    });
    const stateMachine = stateMachineName(names);
    const setting = {
      names,
      settings: configuration.settings,
      resources: {
        ...stored,
        jobQueueArn: analysis.jobQueue.jobQueueArn,
        jobQueueName: names.of('job-queue'),
        batchJobArns: arnByName('batch', 'job/*'),
        stateMachineArn: arnByName('states', `stateMachine:${stateMachine}`),
        executionArns: arnByName('states', `execution:${stateMachine}:*`),
      },
    };
    const steps = new Steps(this, 'Steps', { ...setting, bundles: bundles.functions });
    const events = new Events(this, 'Events', { ...setting, bundles: bundles.functions });
    const session = new WorkerSession(this, 'WorkerSession', {
      ...setting,
      bundle: bundles.functions.find(({ kind }) => kind === 'worker')!,
      grants: workerGrants({
        resources: stored,
        commandSecrets: product.COMMAND_SECRETS,
        bedrockModels: bedrock ? [product.CLAUDE_MODEL, ...configuration.bedrockModels] : [],
      }),
    });
    const workflow = new Workflow(this, 'Workflow', {
      names,
      jobsTable: storage.jobsTable,
      repositoriesTable: storage.repositoriesTable,
      artifacts: storage.artifacts,
      jobQueue: analysis.jobQueue,
      jobDefinitionArn: analysis.jobDefinitionArn,
      functions: steps.functions,
    });
    const { oidcIssuer, oidcAudience, keepData, deletionProtection } = configuration;
    const web = pageFolder
      ? new Web(this, 'Web', {
          names,
          folder: pageFolder,
          accessLogs: storage.accessLogs,
          ...(oidcIssuer && { issuer: oidcIssuer }),
        })
      : undefined;
    const signIn = oidcIssuer
      ? undefined
      : new SignIn(this, 'SignIn', {
          names,
          keepData,
          deletionProtection,
          machineClient: configuration.machineClient,
          ...(web && { pageUrl: web.url }),
        });
    const api = new Api(this, 'Api', {
      ...setting,
      bundle: bundles.functions.find(({ kind }) => kind === 'api')!,
      issuer: oidcIssuer ?? signIn!.issuer,
      audience: signIn?.audience ?? oidcAudience,
      ...(web && { pageOrigin: web.url }),
    });
    web?.deploy({
      apiUrl: api.httpApi.apiEndpoint,
      issuer: oidcIssuer ?? signIn!.issuer,
      clientId: signIn?.clientId ?? oidcAudience[0]!,
      ...(signIn && { signInUrl: signIn.domainUrl }),
    });
    new Monitoring(this, 'Monitoring', {
      names,
      stateMachine: workflow.stateMachine,
      httpApi: api.httpApi,
      functions: [
        api.function,
        session.function,
        ...Object.values(steps.functions),
        ...Object.values(events.functions),
      ],
      jobEnders: [
        ...['CompleteJob', 'FailJob'].map((name) => steps.functions[name]!),
        ...['ExecutionEnded', 'Reconcile'].map((name) => events.functions[name]!),
      ],
      jobQueueArn: analysis.jobQueue.jobQueueArn,
      mapLabels: mapLabels(),
      deadLetters: events.deadLetters,
      workerLogs: analysis.logGroup,
      monthlyBudgetUsd: configuration.monthlyBudgetUsd,
      ...(configuration.alarmEmail && { alarmEmail: configuration.alarmEmail }),
    });
    this.#addOutputs({
      ApiUrl: api.httpApi.apiEndpoint,
      PageUrl: web?.url,
      StateMachineConsole: `https://${this.region}.console.aws.amazon.com/states/home?region=${this.region}#/statemachines/view/${workflow.stateMachine.stateMachineArn}`,
      JobsTable: storage.jobsTable.tableName,
      RepositoriesTable: storage.repositoriesTable.tableName,
      ArtifactsBucket: storage.artifacts.bucketName,
      ClientId: signIn?.clientId,
      TokenUrl: signIn?.machineClientId && `${signIn.domainUrl}/oauth2/token`,
      UserPoolId: signIn?.userPoolId,
      MachineClientId: signIn?.machineClientId,
    });
  }

  /** What a deployment prints. */
  #addOutputs(values: Readonly<Record<string, string | undefined>>): void {
    for (const [name, value] of Object.entries(values)) if (value) new CfnOutput(this, name, { value });
  }
}
