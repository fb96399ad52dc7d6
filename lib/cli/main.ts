#!/usr/bin/env node
// Entry point. Nothing is imported before Node's version is known: older ones would fail with a riddle.

const OLDEST = { major: 22, minor: 12 }; // package.json's engines
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
  process.stderr.write(
    `error: lovage needs Node ${OLDEST.major}.${OLDEST.minor} or later (22.18 to run TypeScript as it is), this is ${process.version}\n`,
  );
  process.exitCode = 1;
} else {
  const { main } = await import("./program.ts");
  await main(process.argv);
}

export {};
