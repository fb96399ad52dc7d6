// Which tasks a request is about, read from the AWS JSON protocol.
import type { Asked } from "../support/fault-proxy.ts";

const KEPT = 50_000;
const TASK_ID =
  /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|chosen-\d+|unreadable-\d+)$/;
/** Header `id` of a message, quoted twice. */
const IN_MESSAGE = /\\"id\\":\\"([^\\"]+)\\"/g;
const IN_BODY = /"id":"([^"]+)"/;
const IN_S3_KEY = /\/(?:args|results)\/([^./]+)\./;

interface Received {
  readonly Messages?: readonly { readonly ReceiptHandle: string; readonly Body: string }[];
}

interface Request {
  readonly ReceiptHandle?: string;
  readonly Entries?: readonly { readonly ReceiptHandle?: string }[];
  readonly Key?: { readonly id?: { readonly S?: string } };
  readonly Statements?: readonly { readonly Parameters?: readonly { readonly S?: string }[] }[];
}

export class RequestIds {
  /** By receipt handle: what deletes a message does not say which task that was. */
  readonly #receipts = new Map<string, string>();

  /** Learns from the answer to a poll. Returns the ids of its tasks. */
  received(answer: string): readonly string[] {
    return (parse<Received>(answer).Messages ?? []).flatMap(({ ReceiptHandle, Body }) => {
      const id = IN_BODY.exec(Body)?.[1];
      if (id === undefined) return [];
      this.#receipts.set(ReceiptHandle, id);
      if (this.#receipts.size > KEPT) this.#forgetOldest();
      return [id];
    });
  }

  of({ operation, path, body }: Asked): readonly string[] {
    const key = IN_S3_KEY.exec(path)?.[1];
    if (key !== undefined) return [key];
    if (operation.startsWith("SendMessage")) return [...body.matchAll(IN_MESSAGE)].map(([, id = ""]) => id);
    const { Key, Statements = [], Entries = [], ReceiptHandle } = parse<Request>(body);
    const handles = [ReceiptHandle, ...Entries.map((entry) => entry.ReceiptHandle)];
    const found = [
      Key?.id?.S,
      ...Statements.flatMap(({ Parameters = [] }) => Parameters.map(({ S }) => S)),
      ...handles.map((handle) => this.#receipts.get(handle ?? "")),
    ];
    return [...new Set(found)].filter((id) => id !== undefined && TASK_ID.test(id)) as string[]; // those that are there
  }

  #forgetOldest(): void {
    for (const handle of this.#receipts.keys()) return void this.#receipts.delete(handle);
  }
}

function parse<T>(text: string): Partial<T> {
  try {
    return JSON.parse(text) as Partial<T>; // the AWS JSON protocol, whose fields are all optional here
  } catch {
    return {};
  }
}
