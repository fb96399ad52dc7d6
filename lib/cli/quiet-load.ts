/** Runs `load` while whatever is printed to stdout goes to stderr: a module may greet the world when it is imported. */
export async function duringLoad<T>(load: () => Promise<T>): Promise<T> {
  const write = process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof write; // the same overloads on both streams
  try {
    return await load();
  } finally {
    process.stdout.write = write;
  }
}
