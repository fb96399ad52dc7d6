// The ECS cluster and the network of an app's containers: one of each, however many workloads run in them. Both cost nothing.
//
// Workloads have stacks of their own, which must not depend on each other by exports: CloudFormation refuses to change or remove
// what another stack imports. So the cluster is referred to by its name, and the network by parameters of the Systems Manager,
// which CloudFormation reads when it deploys the workload's stack. A network for each workload would need none of that, but an
// account has five VPCs in a region, and a workload that is added must not be refused for it.
import { Annotations, Fn, Stack } from "aws-cdk-lib";
import { GatewayVpcEndpointAwsService, type IVpc, type SelectedSubnets, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { Cluster, ContainerInsights, type ICluster } from "aws-cdk-lib/aws-ecs";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledged.ts";

export interface ContainerClusterProps {
  /** Name of the app, and of the cluster. */
  readonly app: string;
  /**
   * Network to run in. Containers get public addresses where it has no private subnets with a way out.
   *
   * @default - one with public subnets in two zones, without NAT; DynamoDB and S3 are reached by gateway endpoints
   */
  readonly vpc?: IVpc | undefined;
}

const ZONES = 2;

/**
 * A stack for them. Its zones are numbered: where account and region are known the CDK asks the account for their names, so that
 * nobody could synthesize without credentials, and a name changed there would replace the network's subnets.
 */
export class ContainersStack extends Stack {
  override get availabilityZones(): string[] {
    return Array.from({ length: ZONES }, (_, i) => Fn.select(i, Fn.getAzs()));
  }
}

export class ContainerCluster extends Construct {
  readonly vpc: IVpc;
  readonly cluster: ICluster;
  readonly #props: ContainerClusterProps;

  constructor(scope: Construct, id: string, props: ContainerClusterProps) {
    super(scope, id);
    this.#props = props;
    this.vpc = props.vpc ?? this.#network();
    const cluster = new Cluster(this, "Cluster", {
      clusterName: props.app,
      vpc: this.vpc,
      containerInsightsV2: ContainerInsights.DISABLED,
    });
    acknowledge(cluster, "ECS4");
    this.cluster = cluster as ICluster; // it is one, but for what exactOptionalPropertyTypes makes of its optional properties
  }

  /** The cluster for a workload whose construct is `scope`. From another stack it is named and not referred to. */
  in(scope: Construct): ICluster {
    if (Stack.of(scope) === Stack.of(this)) return this.cluster;
    scope.node.addDependency(this); // its stack is deployed first, and writes what is read
    return Cluster.fromClusterAttributes(scope, "Cluster", {
      clusterName: this.#props.app,
      vpc: this.#props.vpc ?? this.#networkFor(scope),
      securityGroups: [],
    });
  }

  /** Public subnets only: a NAT gateway costs more in a month than most queues do in a year. Nothing listens in there. */
  #network(): IVpc {
    const vpc = new Vpc(this, "Vpc", {
      maxAzs: ZONES,
      natGateways: 0,
      subnetConfiguration: [{ name: "public", subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false }],
      gatewayEndpoints: {
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
        S3: { service: GatewayVpcEndpointAwsService.S3 },
      },
      restrictDefaultSecurityGroup: false, // nothing is in it, and emptying it takes a function
    });
    acknowledge(vpc, "VPC7");
    const values = { vpc: vpc.vpcId, ...subnetParameters(vpc.publicSubnets.map(({ subnetId }) => subnetId)) };
    for (const [name, stringValue] of Object.entries(values)) {
      new StringParameter(this, `Parameter-${name}`, { parameterName: this.#parameter(name), stringValue });
    }
    return vpc as IVpc; // as above
  }

  #networkFor(scope: Construct): IVpc {
    const read = (name: string) => StringParameter.valueForStringParameter(scope, this.#parameter(name));
    const zones = Stack.of(this).availabilityZones.slice(0, ZONES);
    const vpc = Vpc.fromVpcAttributes(scope, "Vpc", {
      vpcId: read("vpc"),
      availabilityZones: zones,
      publicSubnetIds: zones.map((_, i) => read(subnetParameter(i))),
    });
    Annotations.of(vpc).acknowledgeWarning("@aws-cdk/aws-ec2:noSubnetRouteTableId", "nobody adds a route from here");
    return vpc;
  }

  #parameter(name: string): string {
    return `/lovage/${this.#props.app}/${name}`;
  }
}

const subnetParameter = (i: number) => `subnet-${i + 1}`;

function subnetParameters(ids: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(ids.map((id, i) => [subnetParameter(i), id]));
}

/** Where containers run in a network, and whether they need public addresses to reach SQS. */
export function containerSubnets(vpc: IVpc): SelectedSubnets & { readonly assignPublicIp: boolean } {
  const assignPublicIp = vpc.privateSubnets.length === 0 && vpc.publicSubnets.length > 0;
  const kind = assignPublicIp
    ? SubnetType.PUBLIC
    : vpc.privateSubnets.length > 0
      ? SubnetType.PRIVATE_WITH_EGRESS
      : SubnetType.PRIVATE_ISOLATED;
  return { ...vpc.selectSubnets({ subnetType: kind }), assignPublicIp };
}
