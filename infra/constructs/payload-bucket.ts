// The bucket of large arguments and results, as lib/store/payload.ts lays it out: objects expire by what their keys begin with.
import { Duration, type RemovalPolicy, Stack } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { PAYLOADS } from "../../lib/defaults.ts";
import { keptPrefix, type PayloadKind, payloadPrefix } from "../../lib/store/payload.ts";
import { acknowledge, acknowledgeWildcard } from "./acknowledged.ts";

export interface PayloadBucketProps {
  /** Name of the app, the first part of its keys. */
  readonly app: string;
  readonly bucketName: string;
  readonly removalPolicy: RemovalPolicy;
  /** It is there already; its lifecycle rules stay as they are. */
  readonly existing: boolean;
}

export class PayloadBucket extends Construct {
  readonly bucket: Bucket | IBucket;
  readonly #props: PayloadBucketProps;

  constructor(scope: Construct, id: string, props: PayloadBucketProps) {
    super(scope, id);
    this.#props = props;
    this.bucket = props.existing ? Bucket.fromBucketName(this, "Bucket", props.bucketName) : this.#make();
  }

  #make(): Bucket {
    const props = this.#props;
    const bucket = new Bucket(this, "Bucket", {
      bucketName: props.bucketName,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      // S3 rounds up to the next midnight, so nothing goes before its time.
      lifecycleRules: PAYLOADS.keptDays.map((days) => ({
        id: `expire-after-${days}-days`,
        prefix: `${payloadPrefix(props.app)}${keptPrefix(days)}`,
        expiration: Duration.days(days),
      })),
      removalPolicy: props.removalPolicy,
    });
    acknowledge(bucket, "S1");
    return bucket;
  }

  /** s3:PutObject on the app's arguments: what a producer needs. */
  grantSend(grantee: IGrantable): Grant {
    return this.#grantObjects(grantee, ["s3:PutObject"], "args");
  }

  /** s3:GetObject on the app's results. */
  grantRead(grantee: IGrantable): Grant {
    return this.#grantObjects(grantee, ["s3:GetObject"], "results").combine(this.#grantMissing(grantee));
  }

  /** s3:GetObject and s3:PutObject on the app's objects: what a worker needs. */
  grantWork(grantee: IGrantable): Grant {
    return this.#grantObjects(grantee, ["s3:GetObject", "s3:PutObject"]).combine(this.#grantMissing(grantee));
  }

  /** s3:DeleteObject on the app's results: what `forget()` needs. */
  grantForget(grantee: IGrantable): Grant {
    return this.#grantObjects(grantee, ["s3:DeleteObject"], "results");
  }

  #grantObjects(grantee: IGrantable, actions: string[], kind?: PayloadKind): Grant {
    const keys = `${payloadPrefix(this.#props.app)}${kind === undefined ? "" : `*/${kind}/`}*`;
    acknowledgeWildcard(
      grantee.grantPrincipal,
      `arn:<AWS::Partition>:s3:::${this.#props.bucketName}/${keys}`,
      "keys begin with the app's name and end in the task's id: no narrower pattern covers the objects of all its tasks",
    );
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [this.#arn(keys)] });
  }

  /** Without s3:ListBucket S3 answers "denied" where an object is missing, and nobody could tell the two apart. */
  #grantMissing(grantee: IGrantable): Grant {
    return Grant.addToPrincipal({ grantee, actions: ["s3:ListBucket"], resourceArns: [this.#arn()] });
  }

  /** By name: the principal's stack does not depend on the bucket's. */
  #arn(keys?: string): string {
    return Stack.of(this).formatArn({
      service: "s3",
      region: "",
      account: "",
      resource: this.#props.bucketName,
      ...(keys === undefined ? {} : { resourceName: keys }),
    });
  }
}
