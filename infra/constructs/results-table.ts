// The table of one app, as lib/store/table.ts defines it.
import type { RemovalPolicy } from "aws-cdk-lib";
import { type Attribute, AttributeType, BillingMode, Table } from "aws-cdk-lib/aws-dynamodb";
import type { Construct } from "constructs";
import { tableDefinition, timeToLiveDefinition } from "../../lib/store/table.ts";
import { acknowledge } from "./acknowledged.ts";

const ATTRIBUTE_TYPES = { S: AttributeType.STRING } as const;
const BILLING = { PAY_PER_REQUEST: BillingMode.PAY_PER_REQUEST } as const;

export function resultsTable(scope: Construct, id: string, name: string, removalPolicy: RemovalPolicy): Table {
  const definition = tableDefinition(name);
  const table = new Table(scope, id, {
    tableName: definition.TableName,
    partitionKey: partitionKey(definition),
    billingMode: BILLING[definition.BillingMode],
    timeToLiveAttribute: timeToLiveDefinition(name).TimeToLiveSpecification.AttributeName,
    removalPolicy,
  });
  acknowledge(table, "DDB3");
  return table;
}

function partitionKey({ AttributeDefinitions, KeySchema, TableName }: ReturnType<typeof tableDefinition>): Attribute {
  const [key] = KeySchema;
  const attribute = AttributeDefinitions.find(({ AttributeName }) => AttributeName === key?.AttributeName);
  if (attribute === undefined || KeySchema.length !== 1)
    throw new Error(`table "${TableName}" has no single partition key`);
  return { name: attribute.AttributeName, type: ATTRIBUTE_TYPES[attribute.AttributeType] };
}
