// The price list: what one unit of everything costs that Lovage uses. List prices without free tiers, discounts or taxes.
// Confidence: H from a current primary source, M from a dated or secondary one, L from memory. Prices move: the list has a date.

export interface Price {
  /** US dollars for `per` units. */
  readonly usd: number;
  readonly per: number;
  readonly unit: string;
  readonly confidence: "H" | "M" | "L";
  readonly source: string;
}

export const PRICE_LIST = { asOf: "2026-11-21", region: "us-east-1", currency: "USD" } as const;

const MILLION = 1_000_000;
const SQS_PRICING = "Amazon SQS pricing, standard queues, as quoted in 2026";
const DYNAMODB_PRICING = "DynamoDB on-demand pricing since November 2024, as in AWS's agent toolkit (2026-08)";
const S3_PRICING = "Amazon S3 pricing, S3 Standard";
const LAMBDA_PRICING = "AWS Lambda pricing, arm64, as in AWS's agent toolkit (2026-08)";
const FARGATE_PRICING = "AWS Fargate pricing, Linux on ARM, as quoted in 2026";
const CLOUDWATCH_PRICING = "Amazon CloudWatch pricing, as quoted in 2026";

export const PRICES = {
  /** One for every started 64 KB of a request. */
  sqsRequest: { usd: 0.4, per: MILLION, unit: "requests", confidence: "M", source: SQS_PRICING },
  /** One for every started KB of the item, before or after the write, whichever is larger. */
  writeUnit: { usd: 0.625, per: MILLION, unit: "write units", confidence: "H", source: DYNAMODB_PRICING },
  /** One for every started 4 KB of the item: `get()` reads consistently. */
  readUnit: { usd: 0.125, per: MILLION, unit: "read units", confidence: "H", source: DYNAMODB_PRICING },
  tableStorage: { usd: 0.25, per: 1, unit: "GB-months", confidence: "H", source: DYNAMODB_PRICING },
  s3Put: { usd: 5, per: MILLION, unit: "requests", confidence: "L", source: S3_PRICING },
  s3Get: { usd: 0.4, per: MILLION, unit: "requests", confidence: "L", source: S3_PRICING },
  s3Storage: { usd: 0.023, per: 1, unit: "GB-months", confidence: "L", source: S3_PRICING },
  lambdaRequest: { usd: 0.2, per: MILLION, unit: "requests", confidence: "H", source: LAMBDA_PRICING },
  lambdaCompute: { usd: 13.3334, per: MILLION, unit: "GB-s", confidence: "H", source: LAMBDA_PRICING },
  fargateVcpu: { usd: 0.03238, per: 1, unit: "vCPU-hours", confidence: "M", source: FARGATE_PRICING },
  fargateMemory: { usd: 0.00356, per: 1, unit: "GB-hours", confidence: "M", source: FARGATE_PRICING },
  publicAddress: { usd: 0.005, per: 1, unit: "hours", confidence: "M", source: "Amazon VPC pricing, public IPv4" },
  image: { usd: 0.1, per: 1, unit: "GB-months", confidence: "L", source: "Amazon ECR pricing, private repositories" },
  logs: { usd: 0.5, per: 1, unit: "GB", confidence: "M", source: CLOUDWATCH_PRICING },
  /** An alarm is billed for each metric that it evaluates. */
  alarmMetric: { usd: 0.1, per: 1, unit: "metrics", confidence: "M", source: CLOUDWATCH_PRICING },
  /** A month in which it is reported every hour; it is billed by the hour in which it is. */
  customMetric: { usd: 0.3, per: 1, unit: "metrics", confidence: "M", source: CLOUDWATCH_PRICING },
  dashboard: { usd: 3, per: 1, unit: "dashboards", confidence: "M", source: CLOUDWATCH_PRICING },
} as const satisfies Record<string, Price>;

export type Priced = keyof typeof PRICES;
