// node import.ts lovage|raw       Prints milliseconds.
const began = performance.now();
if (process.argv[2] === "lovage") {
  const { createApp } = (await import("../../dist/lib/index.js" as string)) as typeof import("../../lib/index.ts"); // built from it
  await createApp("bench").backends(); // what the first delay() waits for; nothing is connected yet
} else {
  await Promise.all([import("@aws-sdk/client-sqs"), import("@aws-sdk/client-dynamodb")]);
}
process.stdout.write(JSON.stringify(performance.now() - began));
