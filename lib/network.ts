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
   * A VPC that exists, in this account or shared by another.
   * @default - a new one of public subnets without NAT, with gateway endpoints: nothing idles at a price
   */
  readonly existing?: { readonly vpcId: string; readonly subnetIds: readonly string[] };
}

/** Where workers run: they reach out, and nothing reaches in. */
export class Network extends Construct {
  readonly vpc: IVpc;
  readonly subnets: ISubnet[];
  readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, { names, existing }: NetworkProps) {
    super(scope, id);
    if (existing) {
      this.vpc = Vpc.fromVpcAttributes(this, 'Vpc', {
        vpcId: existing.vpcId,
        // Which zones it has is not asked: the subnets are named.
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
        'Its routes are those of whoever made it; nothing here reads them.',
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
      // It would take a function of its own; no worker is in that group.
      restrictDefaultSecurityGroup: false,
    });
    // Commands of a job may reach the internet: this says where they went.
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
