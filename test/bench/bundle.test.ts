// What is in a bundle by what it is for. What only those who run tasks need is looked for by its requests' names.
import { expect, test } from "vitest";
import { bundleTexts } from "../../bench/bundle.ts";

const RUNNING = [
  "BatchExecuteStatementCommand",
  "ReceiveMessageCommand",
  "DeleteMessageBatchCommand",
  "ChangeMessageVisibilityBatchCommand",
];
const SENDING = ["SendMessageBatchCommand", "GetItemCommand", "UpdateItemCommand"];

test("a sender's bundle sends and reads results, and has nothing of what runs tasks; a function's has both", async () => {
  const { producer, worker } = await bundleTexts();
  for (const command of SENDING) expect(producer).toContain(command);
  for (const command of RUNNING) expect(producer).not.toContain(command);
  for (const command of [...SENDING, ...RUNNING]) expect(worker).toContain(command);
});
