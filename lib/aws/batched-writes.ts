// Several statements in one BatchExecuteStatement. All that is known of PartiQL's transport is here.
import { BatchExecuteStatementCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Clock } from "../clock.ts";
import { BatchWrites, type ExecuteStatements } from "./batch-writes.ts";

/** Writes to a table in batches. */
export function batchedWrites(table: string, client: () => DynamoDBClient, clock: Clock): BatchWrites {
  return new BatchWrites({ table, execute: executeStatements(client), clock });
}

function executeStatements(client: () => DynamoDBClient): ExecuteStatements {
  return async (statements) => {
    const { Responses = [] } = await client().send(new BatchExecuteStatementCommand({ Statements: [...statements] }));
    return statements.map((_, i) => Responses[i] && (Responses[i].Error ?? "done"));
  };
}
