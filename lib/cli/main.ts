#!/usr/bin/env node
// Entry point. Nothing is imported before Node's version is known: older ones would fail with a riddle.

const OLDEST = 22;
const [major = 0] = process.versions.node.split(".").map(Number);

if (major < OLDEST) {
  process.stderr.write(`error: lovage needs Node ${OLDEST} or later, this is ${process.version}\n`);
  process.exitCode = 1;
} else {
  const { main } = await import("./program.ts");
  await main(process.argv);
}

export {};
