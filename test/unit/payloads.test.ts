import { describe, expect, test } from "vitest";
import { PAYLOADS } from "../../lib/defaults.ts";
import { createApp, InvalidOption } from "../../lib/index.ts";

describe("the option payloads", () => {
  test("names a bucket; its thresholds have defaults", () => {
    const app = createApp("duckling", { payloads: { bucket: "ducklings" } });
    expect(app.payloads).toEqual({
      bucket: "ducklings",
      argsOver: PAYLOADS.argsOver,
      resultsOver: PAYLOADS.resultsOver,
    });
    expect(createApp("duckling").payloads).toBeUndefined();
  });

  test.each([
    ["ducklings", /payloads of app "duckling" is "ducklings"; it takes an object, such as \{ bucket/],
    [{}, /payloads of app "duckling" names no bucket/],
    [{ bucket: "Ducklings" }, /bucket of payloads of app "duckling" is "Ducklings"; it takes .* 3 to 63 lowercase/],
    [{ bucket: "duck.lings" }, /no dots/],
    [{ bucket: "ab" }, /3 to 63/],
    [{ bucket: "ducklings", argsOver: 100 }, /argsOver .* is 100; it takes a whole number from 1024 to 1048576/],
    [{ bucket: "ducklings", resultsOver: 500_000 }, /resultsOver .* from 1024 to 368640/],
    [{ bucket: "ducklings", argOver: 2_048 }, /did you mean argsOver\?/],
  ])("%o is refused", (payloads, message) => {
    const creating = () => createApp("duckling", { payloads: payloads as never }); // wrong on purpose
    expect(creating).toThrow(InvalidOption);
    expect(creating).toThrow(message);
  });
});
