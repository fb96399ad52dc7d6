// Makes a failing input smaller, as far as that is cheap: halves of texts and lists, members left out.

const TRIES = 300;

export async function smaller(input: unknown, fails: (candidate: unknown) => Promise<boolean>): Promise<unknown> {
  let least = input;
  let tried = 0;
  for (let shrunk = true; shrunk && tried < TRIES; ) {
    shrunk = false;
    for (const candidate of parts(least)) {
      if (++tried > TRIES) break;
      if (!(await fails(candidate))) continue;
      least = candidate;
      shrunk = true;
      break;
    }
  }
  return least;
}

/** What is left when one part of it is taken away. */
function* parts(value: unknown): Generator<unknown> {
  if (typeof value === "string") yield* shorter(value);
  else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) yield value.toSpliced(i, 1);
    for (const [i, one] of value.entries()) for (const part of parts(one)) yield value.with(i, part);
  } else if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value);
    for (const [key] of pairs) yield Object.fromEntries(pairs.filter(([other]) => other !== key));
    for (const [key, one] of pairs)
      for (const part of parts(one))
        yield Object.fromEntries(pairs.map(([name, old]) => [name, name === key ? part : old]));
  }
}

function* shorter(text: string): Generator<string> {
  for (let size = Math.floor(text.length / 2); size >= 1; size = Math.floor(size / 2))
    for (let at = 0; at < text.length; at += size) {
      yield text.slice(0, at) + text.slice(at + size);
      if (size < text.length / 64) break;
    }
}
