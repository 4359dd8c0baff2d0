import { Duration, Fn, RemovalPolicy, type Size } from 'aws-cdk-lib';
import {
  Action,
  type CfnJobDefinition,
  EcsFargateContainerDefinition,
  EcsJobDefinition,
  EcsVolume,
  FargateComputeEnvironment,
  type ISchedulingPolicy,
  JobQueue,
  JobStateTimeLimitActionsReason,
  LinuxParameters,
  Reason,
  RetryStrategy,
} from 'aws-cdk-lib/aws-batch';
import { type ContainerImage, CpuArchitecture, LogDriver } from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { NOT_TRIED_AGAIN, WORKER_ATTEMPTS } from '../core/attempts.ts';
import { acknowledgeWildcards, type Grant, grant, NO_RESOURCES } from './grant.ts';
import type { Names } from './names.ts';
import type { Network } from './network.ts';

export interface BatchComputeProps {
  readonly names: Names;
  readonly network: Network;
  /** Whether a worker gets a public address: its way out of a subnet without NAT. */
  readonly publicIp: boolean;
  /** Made from worker/Dockerfile, or with a team's toolchain on top of that. */
  readonly image: ContainerImage;
  readonly vcpu: number;
  readonly memory: Size;
  /** The disk of one worker: clone, dependencies that `setup` installs, and what `verify` builds. */
  readonly storage: Size;
  /** The most vCPUs at work at once, on Spot and then again on demand. */
  readonly maxVcpus: number;
  /** Settings and names; never a secret, because DescribeJobs shows them. */
  readonly environment: Readonly<Record<string, string>>;
  /** What a worker may do before it has a session of its own (worker-session.ts). */
  readonly grants: readonly Grant[];
  /**
   * Shares the queue fairly between jobs. A queue made without it can never gain it: give it before the first deploy.
   * @default - first in, first out
   */
  readonly schedulingPolicy?: ISchedulingPolicy;
}

/** The work volume: the one place where a worker may write. */
export const WORK_FOLDER = '/work';

/** Batch on Fargate: Spot first, on demand after it. */
export class BatchCompute extends Construct {
  readonly jobQueue: JobQueue;
  readonly jobDefinition: EcsJobDefinition;
  /** Of the newest revision; what Ref of a job definition gives, AWS's schema and its documentation say differently. */
  readonly jobDefinitionArn: string;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: BatchComputeProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/cody-batch/${props.names.stack}/worker`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.jobQueue = this.#jobQueue(props);
    this.jobDefinition = this.#jobDefinition(props);
    const { logicalId } = this.jobDefinition.node.defaultChild as CfnJobDefinition;
    this.jobDefinitionArn = Fn.getAtt(logicalId, 'JobDefinitionArn').toString();
  }

  #jobQueue({ names, network, maxVcpus, schedulingPolicy }: BatchComputeProps): JobQueue {
    const computeEnvironment = (part: string, spot: boolean) =>
      new FargateComputeEnvironment(this, spot ? 'Spot' : 'OnDemand', {
        computeEnvironmentName: names.of(part),
        spot,
        maxvCpus: maxVcpus,
        vpc: network.vpc,
        vpcSubnets: { subnets: network.subnets },
        securityGroups: [network.securityGroup],
      });
    return new JobQueue(this, 'JobQueue', {
      jobQueueName: names.of('job-queue'),
      computeEnvironments: [
        { order: 1, computeEnvironment: computeEnvironment('compute', true) },
        { order: 2, computeEnvironment: computeEnvironment('compute-on-demand', false) },
      ],
      // A job at the head of a queue that cannot start holds up all others; the repository fails, and a retry takes it up.
      jobStateTimeLimitActions: [
        { reason: JobStateTimeLimitActionsReason.INSUFFICIENT_INSTANCE_CAPACITY, maxTime: Duration.hours(4) },
        {
          reason: JobStateTimeLimitActionsReason.COMPUTE_ENVIRONMENT_MAX_RESOURCE,
          maxTime: Duration.minutes(30),
        },
        { reason: JobStateTimeLimitActionsReason.JOB_RESOURCE_REQUIREMENT, maxTime: Duration.minutes(30) },
      ],
      ...(schedulingPolicy && { schedulingPolicy }),
    });
  }

  #jobDefinition(props: BatchComputeProps): EcsJobDefinition {
    const definition = new EcsJobDefinition(this, 'JobDefinition', {
      jobDefinitionName: props.names.of('job-definition'),
      container: this.#container(props),
      retryAttempts: WORKER_ATTEMPTS,
      retryStrategies: NOT_TRIED_AGAIN.map(({ onReason, onExitCode }) =>
        RetryStrategy.of(
          Action.EXIT,
          Reason.custom({ ...(onReason && { onReason }), ...(onExitCode && { onExitCode }) }),
        ),
      ),
      // The bound of a job that somebody submits by hand; the state machine gives each its own.
      timeout: Duration.hours(25),
      propagateTags: true,
      // Executions under way name the revision that they began with.
      skipDeregisterOnUpdate: true,
    });
    // CDK renders `Host: {}`, which Fargate refuses.
    (definition.node.defaultChild as CfnJobDefinition).addPropertyDeletionOverride(
      'ContainerProperties.Volumes.0.Host',
    );
    return definition;
  }

  #container(props: BatchComputeProps): EcsFargateContainerDefinition {
    const container = new EcsFargateContainerDefinition(this, 'Container', {
      image: props.image,
      cpu: props.vcpu,
      memory: props.memory,
      ...(props.storage.toGibibytes() > FARGATE_STORAGE_GIB && { ephemeralStorageSize: props.storage }),
      // What most toolchains are built for, and what a developer's machine builds without emulation.
      fargateCpuArchitecture: CpuArchitecture.X86_64,
      assignPublicIp: props.publicIp,
      command: ['Ref::jobId', 'Ref::repositoryName'],
      environment: { ...props.environment, TEMP_DIR: WORK_FOLDER },
      jobRole: this.#jobRole(props.grants),
      executionRole: this.#executionRole(),
      logging: LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: 'worker' }),
      readonlyRootFilesystem: true,
      volumes: [EcsVolume.host({ name: 'work', containerPath: WORK_FOLDER })],
      // Reaps what a job's commands leave behind, and hands SIGTERM on to the worker.
      linuxParameters: new LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
    });
    return container;
  }

  #jobRole(grants: readonly Grant[]): Role {
    const role = new Role(this, 'WorkerRole', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
    grant(role, grants);
    return role;
  }

  /** What Fargate itself does for the worker: pull the image and write its log. */
  #executionRole(): Role {
    const role = new Role(this, 'ExecutionRole', {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    // GetAuthorizationToken of ECR.
    acknowledgeWildcards(role, ['*'], NO_RESOURCES);
    return role;
  }
}

/** What every task has without asking; Batch takes 21 to 200 as more. */
const FARGATE_STORAGE_GIB = 20;
