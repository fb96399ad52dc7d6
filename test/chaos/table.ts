// The table as it is, read past Lovage: items by Scan, or some of them by their ids.
import { demand } from "../../lib/local/aws-request.ts";

/** What the checker wants to know of an item. */
export interface StoredTask {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly task?: string;
  readonly token?: string;
  /** Epoch ms. */
  readonly endedAt?: number;
  /** Of a SUCCESS: the run that returned the value. */
  readonly run?: string;
  /** Of a FAILURE: type of its error. */
  readonly failure?: string;
  readonly runs?: number;
}

export type Item = Readonly<Record<string, { readonly S?: string; readonly N?: string }>>;

interface Page {
  readonly Items?: readonly Item[];
  readonly LastEvaluatedKey?: Item;
}

const PAGE = 1_000;
const BATCH = 100;

export async function readTable(endpoint: string, table: string): Promise<ReadonlyMap<string, StoredTask>> {
  const found = new Map<string, StoredTask>();
  let from: Item | undefined;
  do {
    const input = { TableName: table, Limit: PAGE, ConsistentRead: true, ...(from && { ExclusiveStartKey: from }) };
    const page = (await demand(endpoint, { service: "dynamodb", action: "Scan", input })) as Page; // as documented
    for (const item of page.Items ?? []) {
      const task = toStored(item);
      found.set(task.id, task);
    }
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return found;
}

/** Those of at most 100 ids that have an item. */
export async function readSome(
  endpoint: string,
  table: string,
  ids: readonly string[],
): Promise<readonly StoredTask[]> {
  const Keys = ids.slice(0, BATCH).map((id) => ({ id: { S: id } }));
  const input = { RequestItems: { [table]: { Keys, ConsistentRead: true } } };
  const answer = await demand(endpoint, { service: "dynamodb", action: "BatchGetItem", input });
  const { Responses } = answer as { Responses?: Record<string, readonly Item[]> }; // as documented
  return (Responses?.[table] ?? []).map(toStored);
}

export function isOver({ state }: Pick<StoredTask, "state">): boolean {
  return state === "SUCCESS" || state === "FAILURE" || state === "REVOKED";
}

export function toStored(item: Item): StoredTask {
  const { id, state, attempt, task, token, ended_at: endedAt, result, failure, runs } = item;
  const run = result?.S === undefined ? undefined : (JSON.parse(result.S) as { run?: string } | null)?.run;
  const type = failure?.S === undefined ? undefined : (JSON.parse(failure.S) as { type?: string }).type;
  return {
    id: id?.S ?? "",
    state: state?.S ?? "",
    attempt: Number(attempt?.N ?? 0),
    ...(task?.S !== undefined && { task: task.S }),
    ...(token?.S !== undefined && { token: token.S }),
    ...(endedAt?.N !== undefined && { endedAt: Number(endedAt.N) }),
    ...(run !== undefined && { run }),
    ...(type !== undefined && { failure: type }),
    ...(runs?.N !== undefined && { runs: Number(runs.N) }),
  };
}
