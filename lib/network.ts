import { RemovalPolicy } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  type ISubnet,
  type IVpc,
  SecurityGroup,
  Subnet,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Names } from './names.ts';

export interface NetworkProps {
  readonly names: Names;
  /**
   * An existing VPC, of this account or shared by another.
   * @default - a new VPC with public subnets and gateway endpoints, without NAT: it costs nothing while idle
   */
  readonly existing?: { readonly vpcId: string; readonly subnetIds: readonly string[] };
}

/** The network of workers: outbound connections only. */
export class Network extends Construct {
  readonly vpc: IVpc;
  readonly subnets: ISubnet[];
  readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, { names, existing }: NetworkProps) {
    super(scope, id);
    if (existing) {
      this.vpc = Vpc.fromVpcAttributes(this, 'Vpc', {
        vpcId: existing.vpcId,
        // Not used, since the subnets are given.
        availabilityZones: ['any'],
      });
      this.subnets = existing.subnetIds.map((subnetId) => this.#subnet(subnetId));
    } else {
      this.vpc = this.#newVpc(names);
      this.subnets = this.vpc.publicSubnets;
    }
    this.securityGroup = new SecurityGroup(this, 'Workers', {
      vpc: this.vpc,
      description: 'Workers of Cody Batch: no ingress; egress to GitHub, Claude and AWS.',
      allowAllOutbound: true,
    });
  }

  #subnet(subnetId: string): ISubnet {
    const subnet = Subnet.fromSubnetId(this, subnetId, subnetId);
    acknowledge(subnet, {
      '@aws-cdk/aws-ec2:noSubnetRouteTableId':
        'The routes belong to the existing VPC; nothing here reads them.',
    });
    return subnet;
  }

  #newVpc(names: Names): Vpc {
    const vpc = new Vpc(this, 'Vpc', {
      vpcName: names.of('vpc'),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 20 }],
      gatewayEndpoints: {
        S3: { service: GatewayVpcEndpointAwsService.S3 },
        DynamoDB: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
      // Restricting it needs a custom resource, and no worker uses that group.
      restrictDefaultSecurityGroup: false,
    });
    // Commands of a job may reach the internet; the flow log records their connections.
    vpc.addFlowLog('FlowLog', {
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'FlowLogs', {
          logGroupName: `/cody-batch/${names.stack}/flow`,
          retention: RetentionDays.ONE_MONTH,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      ),
    });
    return vpc;
  }
}
