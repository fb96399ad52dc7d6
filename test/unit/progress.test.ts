// When a worker has stood still for too long: decided from what its consumers tell.
import { expect, test } from "vitest";
import { FakeClock } from "../../lib/testing/fake-clock.ts";
import { Progress } from "../../lib/worker/progress.ts";

const STALL_SECONDS = 300;
const MINUTE = 60_000;

function worker() {
  const clock = new FakeClock();
  return { clock, progress: new Progress(clock, STALL_SECONDS) };
}

test("SQS that does not answer is a standstill; an answer, a message or a heartbeat ends it", async () => {
  const { clock, progress } = worker();
  for (const news of ["answer", "received", "heartbeat"] as const) {
    await clock.advance(4 * MINUTE);
    progress.note("no answer");
    expect(progress.standstill()).toMatchObject({
      ms: 4 * MINUTE,
      why: expect.stringContaining("SQS answered no poll"),
    });
    progress.note(news);
    expect(progress.standstill().ms).toBe(0);
  }
});

test("messages that are all given back are a standstill, though SQS answers", async () => {
  const { clock, progress } = worker();
  for (let minute = 0; minute <= 5; minute++) {
    progress.note("received");
    progress.note("hiccup");
    progress.note("answer");
    if (minute < 5) await clock.advance(MINUTE);
  }
  expect(progress.standstill()).toMatchObject({ ms: 5 * MINUTE, why: expect.stringContaining("had to be given back") });
});

test("one message that is finished ends it", async () => {
  const { clock, progress } = worker();
  progress.note("hiccup");
  await clock.advance(4 * MINUTE);
  progress.note("settled");
  progress.note("hiccup");
  await clock.advance(2 * MINUTE);
  progress.note("hiccup");
  expect(progress.standstill().ms).toBe(2 * MINUTE);
});

test("a message that is given back is no standstill for as long as no other comes", async () => {
  const { clock, progress } = worker();
  progress.note("hiccup");
  await clock.advance(60 * MINUTE);
  progress.note("answer");
  expect(progress.standstill().ms).toBe(0);
});

test("two of them with a long silence between are two troubles", async () => {
  const { clock, progress } = worker();
  progress.note("hiccup");
  await clock.advance(STALL_SECONDS * 1_000);
  progress.note("hiccup");
  await clock.advance(MINUTE);
  progress.note("hiccup");
  progress.note("answer");
  expect(progress.standstill().ms).toBe(MINUTE);
});
