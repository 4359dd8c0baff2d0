import { Duration, Fn, RemovalPolicy, type Size } from 'aws-cdk-lib';
import {
  Action,
  type CfnJobDefinition,
  EcsFargateContainerDefinition,
  type EcsFargateContainerDefinitionProps,
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
import { WORKER_ARGUMENTS } from '../core/execution.ts';
import { DEFAULT_IMAGE } from '../core/worker-image.ts';
import { acknowledgeWildcards, type Grant, grant, NO_RESOURCES } from './grant.ts';
import type { Names } from './names.ts';
import type { Network } from './network.ts';

export interface BatchComputeProps {
  readonly names: Names;
  readonly network: Network;
  /** Whether workers get a public address, which they need to reach the internet from a subnet without NAT. */
  readonly publicIp: boolean;
  /** By name: built from worker/Dockerfile, or from that image plus a team's toolchain. The first is the default. */
  readonly images: Readonly<Record<string, ContainerImage>>;
  readonly vcpu: number;
  readonly memory: Size;
  /** The disk of one worker, for the clone, the dependencies that `setup` installs, and build output. */
  readonly storage: Size;
  /** The maximum of vCPUs at the same time, for Spot and for on-demand capacity each. */
  readonly maxVcpus: number;
  /** Never contains a secret, because DescribeJobs shows it. */
  readonly environment: Readonly<Record<string, string>>;
  /** The grants of every worker's role, before it gets its session (worker-session.ts). */
  readonly grants: readonly Grant[];
  /**
   * Shares the queue fairly between jobs. It cannot be added to an existing queue.
   * @default - first in, first out
   */
  readonly schedulingPolicy?: ISchedulingPolicy;
}

/** The work volume, the only writable folder of a worker. */
export const WORK_FOLDER = '/work';

/** The job definition of an image; grants use its name. */
export function jobDefinitionName(names: Names, image: string): string {
  return names.of(image === DEFAULT_IMAGE ? 'job-definition' : `job-definition-${image}`);
}

/** AWS Batch on Fargate: Spot first, then on demand. */
export class BatchCompute extends Construct {
  readonly jobQueue: JobQueue;
  /** The ARNs of the newest revisions by image. Not by Ref, for which AWS's schema and documentation disagree. */
  readonly jobDefinitionArns: Readonly<Record<string, string>>;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: BatchComputeProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/cody-batch/${props.names.stack}/worker`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.jobQueue = this.#jobQueue(props);
    this.jobDefinitionArns = this.#jobDefinitions(props);
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
      // A job at the head of the queue that cannot start blocks all others. Its repository fails, and can be retried.
      jobStateTimeLimitActions: [
        { reason: JobStateTimeLimitActionsReason.INSUFFICIENT_INSTANCE_CAPACITY, maxTime: Duration.hours(4) },
        {
          reason: JobStateTimeLimitActionsReason.COMPUTE_ENVIRONMENT_MAX_RESOURCE,
          maxTime: Duration.minutes(30),
        },
        { reason: JobStateTimeLimitActionsReason.JOB_RESOURCE_REQUIREMENT, maxTime: Duration.minutes(30) },
      ],
      schedulingPolicy,
    });
  }

  /** One for each image; they differ in nothing else. */
  #jobDefinitions(props: BatchComputeProps): Record<string, string> {
    const container = this.#container(props);
    return Object.fromEntries(
      Object.entries(props.images).map(([name, image]) => {
        const of = name === DEFAULT_IMAGE ? '' : `-${name}`;
        const { logicalId } = this.#jobDefinition(
          of,
          jobDefinitionName(props.names, name),
          new EcsFargateContainerDefinition(this, `Container${of}`, { ...container, image }),
        );
        return [name, Fn.getAtt(logicalId, 'JobDefinitionArn').toString()];
      }),
    );
  }

  #jobDefinition(
    of: string,
    jobDefinitionName: string,
    container: EcsFargateContainerDefinition,
  ): CfnJobDefinition {
    const definition = new EcsJobDefinition(this, `JobDefinition${of}`, {
      jobDefinitionName,
      container,
      retryAttempts: WORKER_ATTEMPTS,
      retryStrategies: NOT_TRIED_AGAIN.map(({ onReason, onExitCode }) =>
        RetryStrategy.of(Action.EXIT, Reason.custom({ onReason, onExitCode })),
      ),
      // For jobs submitted by hand; the state machine sets a time-out for each job.
      timeout: Duration.hours(25),
      propagateTags: true,
      // Running executions use the revision that they started with.
      skipDeregisterOnUpdate: true,
    });
    // CDK renders `Host: {}`, which Fargate rejects.
    const resource = definition.node.defaultChild as CfnJobDefinition;
    resource.addPropertyDeletionOverride('ContainerProperties.Volumes.0.Host');
    return resource;
  }

  #container(props: BatchComputeProps): Omit<EcsFargateContainerDefinitionProps, 'image'> {
    return {
      cpu: props.vcpu,
      memory: props.memory,
      ...(props.storage.toGibibytes() > FARGATE_STORAGE_GIB && { ephemeralStorageSize: props.storage }),
      // Most toolchains support it, and most developers' machines build it without emulation.
      fargateCpuArchitecture: CpuArchitecture.X86_64,
      assignPublicIp: props.publicIp,
      command: [...WORKER_ARGUMENTS],
      environment: { ...props.environment, TEMP_DIR: WORK_FOLDER },
      jobRole: this.#jobRole(props.grants),
      executionRole: this.#executionRole(),
      logging: LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: 'worker' }),
      readonlyRootFilesystem: true,
      volumes: [EcsVolume.host({ name: 'work', containerPath: WORK_FOLDER })],
      // The init process reaps orphans of a job's commands, and forwards SIGTERM to the worker.
      linuxParameters: new LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
    };
  }

  #jobRole(grants: readonly Grant[]): Role {
    const role = new Role(this, 'WorkerRole', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
    grant(role, grants);
    return role;
  }

  /** Fargate's own role: pulls the image and writes the log. */
  #executionRole(): Role {
    const role = new Role(this, 'ExecutionRole', {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    // GetAuthorizationToken of ECR.
    acknowledgeWildcards(role, ['*'], NO_RESOURCES);
    return role;
  }
}

/** Every task has this much; Batch allows 21 to 200 as an explicit size. */
const FARGATE_STORAGE_GIB = 20;
