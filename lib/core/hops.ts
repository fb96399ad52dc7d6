// How far a message is from the call that began its line of descent. Nothing else bounds tasks that send themselves: Lambda's
// recursion guard would cut every line after some 16 messages ("Use Lambda recursive loop detection", developer guide, 2026-11),
// so it is off for workers, and this number is checked where a message is made. A message that is sent again (a retry, a hop of
// a long delay, a dead letter) keeps its number: each of these is bounded by itself.

/** Messages before one that follows from `parent`: what it calls, or what its end publishes. */
export function nextHop({ hops = 0 }: { readonly hops?: number }): number {
  return hops + 1;
}
