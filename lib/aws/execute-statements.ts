// Several statements in one BatchExecuteStatement. All that is known of PartiQL's transport is here.
import { BatchExecuteStatementCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Statement } from "./statements.ts";

/** Why a statement was not applied, in DynamoDB's words. */
export interface StatementError {
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
}

/**
 * Executes statements, each for itself, at most 25 and no two on one item. Answers for each in their order: "done", or why not.
 * An answer that is missing says nothing. Where it rejects, each of them may have been applied, or not.
 */
export type ExecuteStatements = (
  statements: readonly Statement[],
) => Promise<readonly ("done" | StatementError | undefined)[]>;

export function executeStatements(client: () => DynamoDBClient): ExecuteStatements {
  return async (statements) => {
    const { Responses = [] } = await client().send(new BatchExecuteStatementCommand({ Statements: [...statements] }));
    return statements.map((_, i) => Responses[i] && (Responses[i].Error ?? "done"));
  };
}
