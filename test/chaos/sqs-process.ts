// node sqs-process.ts <port, 0 for a free one> <directory>        SQS and S3 whose messages and objects outlive this process.
//
// fauxqs 2.4.1 keeps them in SQLite where it is told to, but then it listens on all interfaces, and answers 500 to a visibility
// of 0. So it is put together here from its parts, which it does not export, with that one statement mended.
import type { AddressInfo } from "node:net";
import { buildApp } from "fauxqs";
import { LOOPBACK } from "../../lib/local/aws-request.ts";

interface Persistence {
  readonly db: { prepare(sql: string): { run(...values: readonly unknown[]): void } };
  load(...stores: readonly unknown[]): void;
  updateMessageReady(messageId: string): void;
}

interface Store {
  persistence?: Persistence;
}

interface SqsStore extends Store {
  allQueues(): Iterable<Store>;
}

interface Parts {
  readonly PersistenceManager: new (directory: string) => Persistence;
  readonly SqsStore: new () => SqsStore;
  readonly SnsStore: new () => Store;
  readonly S3Store: new () => Store;
}

async function part<Name extends keyof Parts>(name: Name, file: string): Promise<Parts[Name]> {
  const loaded: unknown = await import(new URL(file, import.meta.resolve("fauxqs")).href);
  return (loaded as Parts)[name]; // the module of fauxqs 2.4.1 that has it
}

const [port = "0", directory = "."] = process.argv.slice(2);
const Manager = await part("PersistenceManager", "persistence.js");
const sqsStore = new (await part("SqsStore", "sqs/sqsStore.js"))();
const snsStore = new (await part("SnsStore", "sns/snsStore.js"))();
const s3Store = new (await part("S3Store", "s3/s3Store.js"))();

const persistence = new Manager(directory);
const ready = persistence.db.prepare(
  "UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?",
);
persistence.updateMessageReady = (messageId) => ready.run(messageId);
persistence.load(sqsStore, snsStore, s3Store);
for (const store of [sqsStore, snsStore, s3Store, ...sqsStore.allQueues()]) store.persistence = persistence;

const stores = { sqsStore, snsStore, s3Store };
const app = buildApp({ logger: false, stores } as unknown as Parameters<typeof buildApp>[0]); // its stores are not among its types
await app.listen({ host: LOOPBACK, port: Number(port) });
process.once("disconnect", () => process.exit(0)); // whoever started it has gone
process.send?.({ port: (app.server.address() as AddressInfo).port }); // a TCP server has no other address
