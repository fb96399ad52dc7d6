// The table of one app, as lib/store/table.ts defines it.
import type { RemovalPolicy } from "aws-cdk-lib";
import { type Attribute, AttributeType, BillingMode, ProjectionType, Table } from "aws-cdk-lib/aws-dynamodb";
import type { Construct } from "constructs";
import { type TableDefinition, tableDefinition, timeToLiveDefinition } from "../../lib/store/table.ts";
import { acknowledge } from "./acknowledged.ts";

const ATTRIBUTE_TYPES = { S: AttributeType.STRING, N: AttributeType.NUMBER } as const;
const BILLING = { PAY_PER_REQUEST: BillingMode.PAY_PER_REQUEST } as const;
const PROJECTIONS = { INCLUDE: ProjectionType.INCLUDE } as const;

export function resultsTable(scope: Construct, id: string, name: string, removalPolicy: RemovalPolicy): Table {
  const definition = tableDefinition(name);
  const [partitionKey, ...others] = keys(definition, definition.KeySchema);
  if (partitionKey === undefined || others.length > 0) throw new Error(`table "${name}" has no single partition key`);
  const table = new Table(scope, id, {
    tableName: definition.TableName,
    partitionKey,
    billingMode: BILLING[definition.BillingMode],
    timeToLiveAttribute: timeToLiveDefinition(name).TimeToLiveSpecification.AttributeName,
    removalPolicy,
  });
  acknowledge(table, "DDB3");
  for (const { IndexName: indexName, KeySchema, Projection } of definition.GlobalSecondaryIndexes) {
    const [partitionKey, sortKey] = keys(definition, KeySchema);
    if (partitionKey === undefined) throw new Error(`index "${indexName}" of table "${name}" has no partition key`);
    table.addGlobalSecondaryIndex({
      indexName,
      partitionKey,
      ...(sortKey && { sortKey }),
      projectionType: PROJECTIONS[Projection.ProjectionType],
      nonKeyAttributes: Projection.NonKeyAttributes,
    });
  }
  return table;
}

/** Partition key first, as DynamoDB wants it. */
function keys(
  { AttributeDefinitions, TableName }: TableDefinition,
  schema: readonly { readonly AttributeName: string }[],
): readonly Attribute[] {
  return schema.map(({ AttributeName: name }) => {
    const attribute = AttributeDefinitions.find(({ AttributeName }) => AttributeName === name);
    if (attribute === undefined) throw new Error(`key "${name}" of table "${TableName}" has no type`);
    return { name, type: ATTRIBUTE_TYPES[attribute.AttributeType] };
  });
}
