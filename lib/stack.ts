import { Aws, CfnOutput, Size, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { parseSettings, type Settings } from '../core/settings.ts';
import { mapLabels } from '../statemachine/job.ts';
import { arnByName, type Resources } from './access.ts';
import { Api } from './api.ts';
import { BatchCompute } from './batch-compute.ts';
import type { FunctionBundle, FunctionBundles } from './bundles.ts';
import type { Configuration } from './configuration.ts';
import { Events } from './events.ts';
import { ImageRepository } from './image-repository.ts';
import type { FunctionSetting } from './lambda-function.ts';
import { Monitoring } from './monitoring/monitoring.ts';
import { Names } from './names.ts';
import { Network } from './network.ts';
import { secretsOf } from './secret-names.ts';
import { Secrets } from './secrets.ts';
import { SignIn, signInOrigins } from './sign-in.ts';
import { Steps } from './steps.ts';
import { Storage } from './storage.ts';
import { Web } from './web.ts';
import { workerGrants, workerSecretIds } from './worker-access.ts';
import { workerImages } from './worker-image.ts';
import { WorkerSession, workerCredentialsFunction } from './worker-session.ts';
import { stateMachineName, Workflow } from './workflow.ts';

export interface CodyBatchStackProps {
  readonly configuration: Configuration;
  readonly bundles: FunctionBundles;
  /** The build context of worker/Dockerfile; not used if the configuration names an image. */
  readonly workerFolder: string;
  /**
   * The built page.
   * @default - no page, only the API
   */
  readonly pageFolder?: string;
}

/** One environment of Cody Batch. It looks nothing up, so the same template deploys to any account and region. */
export class CodyBatchStack extends Stack {
  readonly #names: Names;
  readonly #configuration: Configuration;
  readonly #settings: Settings;

  constructor(scope: Construct, { configuration, bundles, workerFolder, pageFolder }: CodyBatchStackProps) {
    const names = new Names(configuration.environment);
    super(scope, names.stack, {
      stackName: names.stack,
      description: 'Cody Batch: one prompt, many repositories.',
      tags: { 'cody-batch:environment': configuration.environment },
      terminationProtection: configuration.deletionProtection,
    });
    this.#names = names;
    this.#configuration = configuration;
    this.#settings = parseSettings(configuration.settings);

    const storage = this.#addStorage();
    const secrets = new Secrets(this, 'Secrets', { names, secrets: secretsOf(configuration.settings) });
    const stored = {
      jobsTable: storage.jobsTable,
      repositoriesTable: storage.repositoriesTable,
      artifacts: storage.artifacts,
      secretArns: secrets.arns,
    };
    const compute = this.#addBatchCompute(stored, workerFolder);
    const setting = this.#functionSetting(stored, compute);
    const steps = new Steps(this, 'Steps', { ...setting, bundles: bundles.functions });
    const events = new Events(this, 'Events', { ...setting, bundles: bundles.functions });
    const session = this.#addWorkerSession(setting, stored, bundles);
    const workflow = new Workflow(this, 'Workflow', {
      names,
      jobsTable: storage.jobsTable,
      repositoriesTable: storage.repositoriesTable,
      artifacts: storage.artifacts,
      jobQueue: compute.jobQueue,
      images: Object.keys(compute.jobDefinitionArns),
      functions: steps.functions,
    });
    const web = pageFolder ? this.#addWeb(pageFolder, storage) : undefined;
    const signIn = configuration.oidcIssuer ? undefined : this.#addSignIn(web);
    const api = this.#addApi(setting, bundles, signIn, web);
    new Monitoring(this, 'Monitoring', {
      ...setting,
      ...{ monthlyBudgetUsd: configuration.monthlyBudgetUsd, dailyClaudeUsd: configuration.dailyClaudeUsd },
      ...{ alarmEmail: configuration.alarmEmail, runbookUrl: configuration.runbookUrl },
      ...{ unusualActivity: configuration.unusualActivity, cacheMetrics: configuration.cacheMetrics },
      bundle: bundleOf('canary', bundles),
      apiUrl: api.httpApi.apiEndpoint,
      pageUrl: web?.url,
      distributionId: web?.distributionId,
      stateMachine: workflow.stateMachine,
      httpApi: api.httpApi,
      apiAccessLogs: api.accessLogs,
      functions: [
        api.function,
        api.credentials,
        session.function,
        ...Object.values(steps.functions),
        ...Object.values(events.functions),
      ],
      tables: [storage.jobsTable, storage.repositoriesTable],
      accessLogs: storage.accessLogs,
      jobQueueArn: compute.jobQueue.jobQueueArn,
      mapLabels: mapLabels(),
      deadLetters: events.deadLetters,
      workerLogs: compute.logGroup,
    });
    const images = configuration.imageRepository
      ? new ImageRepository(this, 'Images', { names, keepData: configuration.keepData })
      : undefined;
    this.#addOutputs({
      ApiUrl: api.httpApi.apiEndpoint,
      PageUrl: web?.url,
      NoticesTopic: events.notices.topicArn,
      StateMachineConsole: `https://${this.region}.console.aws.amazon.com/states/home?region=${this.region}#/statemachines/view/${workflow.stateMachine.stateMachineArn}`,
      JobsTable: storage.jobsTable.tableName,
      RepositoriesTable: storage.repositoriesTable.tableName,
      ArtifactsBucket: storage.artifacts.bucketName,
      WorkerRepositoryUri: images?.repository.repositoryUri,
      ClientId: signIn?.clientId,
      TokenUrl: signIn?.machineClientId && `${signIn.domainUrl}/oauth2/token`,
      UserPoolId: signIn?.userPoolId,
      MachineClientId: signIn?.machineClientId,
    });
  }

  #addStorage(): Storage {
    return new Storage(this, 'Storage', {
      names: this.#names,
      keepData: this.#configuration.keepData,
      deletionProtection: this.#configuration.deletionProtection,
      resultDays: this.#settings.RESULT_DAYS,
    });
  }

  /** `Analysis` is the construct's ID in deployed environments. */
  #addBatchCompute(stored: Stored, workerFolder: string): BatchCompute {
    const names = this.#names;
    const configuration = this.#configuration;
    const { vpcId, subnetIds } = configuration;
    const credentialsFunction = workerCredentialsFunction(names);
    return new BatchCompute(this, 'Analysis', {
      names,
      network: new Network(this, 'Network', { names, existing: vpcId ? { vpcId, subnetIds } : undefined }),
      publicIp: configuration.publicIp,
      images: workerImages(this, configuration, workerFolder),
      vcpu: configuration.workerVcpu,
      memory: Size.mebibytes(configuration.workerMemoryMiB),
      storage: Size.gibibytes(configuration.workerStorageGiB),
      maxVcpus: configuration.maxVcpus,
      environment: {
        ...configuration.settings,
        DYNAMODB_JOBS_TABLE: stored.jobsTable.tableName,
        DYNAMODB_REPOSITORIES_TABLE: stored.repositoriesTable.tableName,
        ARTIFACTS_URL: `s3://${stored.artifacts.bucketName}`,
        METRICS_NAMESPACE: names.metrics,
        ...workerSecretIds(stored.secretArns, this.#settings.COMMAND_SECRETS),
        WORKER_CREDENTIALS_FUNCTION: credentialsFunction,
        // For log lines, which name the execution.
        STATE_MACHINE_ARN: arnByName('states', `stateMachine:${stateMachineName(this.#names)}`),
      },
      grants: [
        {
          actions: ['lambda:InvokeFunction'],
          resources: [arnByName('lambda', `function:${credentialsFunction}`)],
        },
      ],
    });
  }

  /** The names, settings and resources of every function. */
  #functionSetting(stored: Stored, { jobQueue, jobDefinitionArns }: BatchCompute): FunctionSetting {
    const stateMachine = stateMachineName(this.#names);
    return {
      names: this.#names,
      settings: this.#configuration.settings,
      resources: {
        ...stored,
        jobDefinitionArns,
        jobQueueArn: jobQueue.jobQueueArn,
        jobQueueName: this.#names.of('job-queue'),
        batchJobArns: arnByName('batch', 'job/*'),
        stateMachineArn: arnByName('states', `stateMachine:${stateMachine}`),
        executionArns: arnByName('states', `execution:${stateMachine}:*`),
        mapRunArns: arnByName('states', `mapRun:${stateMachine}/*`),
        noticeTopicArn: arnByName('sns', this.#names.of('notices')),
        deadLettersArn: arnByName('sqs', this.#names.of('dead-letters')),
        deadLettersUrl: `https://sqs.${Aws.REGION}.${Aws.URL_SUFFIX}/${Aws.ACCOUNT_ID}/${this.#names.of('dead-letters')}`,
      },
    };
  }

  #addWorkerSession(setting: FunctionSetting, stored: Stored, bundles: FunctionBundles): WorkerSession {
    const { CLAUDE_PROVIDER, CLAUDE_MODEL, COMMAND_SECRETS } = this.#settings;
    const models = [CLAUDE_MODEL, ...this.#configuration.bedrockModels];
    return new WorkerSession(this, 'WorkerSession', {
      ...setting,
      bundle: bundleOf('worker', bundles),
      grants: workerGrants({
        resources: stored,
        commandSecrets: COMMAND_SECRETS,
        bedrockModels: CLAUDE_PROVIDER === 'bedrock' ? models : [],
      }),
    });
  }

  #addWeb(folder: string, { accessLogs, artifacts }: Storage): Web {
    const { oidcIssuer: issuer, oidcOrigins } = this.#configuration;
    const signIn = issuer ? [new URL(issuer).origin, ...oidcOrigins] : signInOrigins(this.#names);
    const connect = [...signIn, `https://${artifacts.bucketRegionalDomainName}`];
    const { cacheMetrics } = this.#configuration;
    return new Web(this, 'Web', { names: this.#names, folder, accessLogs, connect, cacheMetrics });
  }

  #addSignIn(web: Web | undefined): SignIn {
    const { keepData, deletionProtection, machineClient } = this.#configuration;
    return new SignIn(this, 'SignIn', {
      names: this.#names,
      keepData,
      deletionProtection,
      machineClient,
      pageUrl: web?.url,
    });
  }

  /** Adds the API, and the page's files, which have the sign-in of the API. */
  #addApi(
    setting: FunctionSetting,
    bundles: FunctionBundles,
    signIn: SignIn | undefined,
    web: Web | undefined,
  ): Api {
    const { oidcIssuer, oidcAudience } = this.#configuration;
    const issuer = oidcIssuer ?? signIn!.issuer;
    const api = new Api(this, 'Api', {
      ...setting,
      bundle: bundleOf('api', bundles),
      credentialsBundle: bundleOf('credentials', bundles),
      issuer,
      audience: signIn?.audience ?? oidcAudience,
      allowedOrigins: this.#configuration.allowedOrigins,
      requestsPerSecond: this.#configuration.requestsPerSecond,
    });
    web?.addApi(api.httpApi);
    web?.deploy({
      environment: this.#configuration.environment,
      issuer,
      clientId: signIn?.clientId ?? oidcAudience[0]!,
    });
    return api;
  }

  /** The values that a deployment prints. */
  #addOutputs(values: Readonly<Record<string, string | undefined>>): void {
    for (const [name, value] of Object.entries(values)) if (value) new CfnOutput(this, name, { value });
  }
}

type Stored = Pick<Resources, 'jobsTable' | 'repositoriesTable' | 'artifacts' | 'secretArns'>;

function bundleOf(kind: FunctionBundle['kind'], { functions }: FunctionBundles): FunctionBundle {
  return functions.find((bundle) => bundle.kind === kind)!;
}
