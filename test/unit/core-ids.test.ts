import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { certify, derivedId, freshId, idKey } from "../../lib/core/ids.ts";
import { seededRandom } from "../../lib/testing/fake-clock.ts";

const KEY = idKey("duckling");
const OTHER = idKey("gosling");
const NOW = Date.UTC(2026, 10, 21);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const bytes = fc.uint8Array({ minLength: 10, maxLength: 10 });
const moment = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const zeros = new Uint8Array(10);

describe("a fresh id", () => {
  test("is a UUIDv7 that certifies itself, its age and its flag", () => {
    fc.assert(
      fc.property(moment, bytes, fc.boolean(), (now, random, untracked) => {
        const id = freshId(KEY, now, random, untracked);
        expect(id).toMatch(UUID);
        expect(id[14]).toBe("7");
        expect("89ab").toContain(id[19]);
        expect(certify(id, KEY)).toEqual({ genuine: true, madeAt: now, untracked });
      }),
    );
  });

  test("sorts by the time of its making", () => {
    const ids = [NOW, NOW + 1, NOW + 256, NOW + 2 ** 32].map((now) => freshId(KEY, now, zeros));
    expect(ids.toSorted()).toEqual(ids);
  });

  test("is tracked unless it says otherwise", () => {
    expect(certify(freshId(KEY, NOW, zeros), KEY).untracked).toBe(false);
  });

  test("differs from 200,000 others of the same millisecond", () => {
    const ids = new Set<string>();
    for (let i = 0; i < 200_000; i++) ids.add(freshId(KEY, NOW, systemClock.randomBytes(10)));
    expect(ids.size).toBe(200_000);
  });

  test("uses every random bit it is given but those of version, variant, flag and check", () => {
    const seen = new Set<string>();
    for (let bit = 0; bit < 80; bit++) {
      const random = new Uint8Array(10);
      random[bit >> 3] = 1 << (bit & 7);
      seen.add(freshId(KEY, NOW, random));
    }
    seen.delete(freshId(KEY, NOW, zeros));
    expect(seen.size).toBe(12 + 45);
  });
});

describe("a derived id", () => {
  const parent = freshId(KEY, NOW, zeros);

  test("is a UUIDv8 that certifies itself and its flag, and has no age", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.boolean(), (parentId, path, untracked) => {
        const id = derivedId(KEY, parentId, path, untracked);
        expect(id).toMatch(UUID);
        expect(id[14]).toBe("8");
        expect(certify(id, KEY)).toEqual({ genuine: true, untracked });
      }),
    );
  });

  test("is the same whenever the same parent publishes at the same path", () => {
    expect(derivedId(KEY, parent, "link:0")).toBe(derivedId(KEY, parent, "link:0"));
  });

  test("differs by path, by parent and by app", () => {
    const other = freshId(KEY, NOW + 1, zeros);
    const ids = [
      derivedId(KEY, parent, "link:0"),
      derivedId(KEY, parent, "link:1"),
      derivedId(KEY, parent, "link_error:0"),
      derivedId(KEY, other, "link:0"),
      derivedId(OTHER, parent, "link:0"),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("is distinct for 50,000 paths of one parent", () => {
    const ids = new Set<string>();
    for (let i = 0; i < 50_000; i++) ids.add(derivedId(KEY, parent, `call:0:x:${i}`));
    expect(ids.size).toBe(50_000);
  });
});

describe("certify", () => {
  test("takes one id in 65,536 of another app for its own, not more", () => {
    const random = seededRandom(7);
    const draw = () => Uint8Array.from({ length: 10 }, () => random() * 256);
    let taken = 0;
    for (let i = 0; i < 65_536; i++) if (certify(freshId(OTHER, NOW, draw()), KEY).genuine) taken++;
    expect(taken).toBeLessThan(8);
  });

  test("notices a tampered digit: all but about one in 65,536", () => {
    const random = seededRandom(11);
    const pick = (n: number) => Math.floor(random() * n);
    let noticed = 0;
    for (let i = 0; i < 20_000; i++) {
      const id = freshId(
        KEY,
        NOW + i,
        Uint8Array.from({ length: 10 }, () => random() * 256),
      );
      let at = pick(36);
      while (id[at] === "-") at = pick(36);
      const digit = (Number.parseInt(id[at] as string, 16) + 1 + pick(15)) % 16;
      if (!certify(id.slice(0, at) + digit.toString(16) + id.slice(at + 1), KEY).genuine) noticed++;
    }
    expect(noticed).toBeGreaterThanOrEqual(19_995);
  });

  test("notices every change of the check digits, and a flipped flag", () => {
    const id = freshId(KEY, NOW, zeros, false);
    for (let digit = 0; digit < 16; digit++) {
      const changed = id.slice(0, 35) + digit.toString(16);
      expect(certify(changed, KEY).genuine).toBe(changed === id);
    }
    expect(
      certify(id.slice(0, 31) + (Number.parseInt(id[31] as string, 16) ^ 1).toString(16) + id.slice(32), KEY),
    ).toEqual({
      genuine: false,
      untracked: false,
    });
  });

  test.each([
    ["nothing", ""],
    ["a word", "order-17"],
    ["Python's UUIDv4", "9f1b9f5e-4f6b-4c55-8d7c-0a5c1f7f6a10"],
    [
      "a genuine id in capitals",
      freshId(
        KEY,
        NOW,
        Uint8Array.from({ length: 10 }, () => 0xab),
      ).toUpperCase(),
    ],
    ["a genuine id after something else", `order-${freshId(KEY, NOW, zeros)}`],
    ["a genuine id and a newline", `${freshId(KEY, NOW, zeros)}\n`],
    ["a genuine id without dashes", freshId(KEY, NOW, zeros).replaceAll("-", "")],
  ])("does not know %s", (_, id) => {
    expect(certify(id, KEY)).toEqual({ genuine: false, untracked: false });
  });
});

test("an app's key depends on its name alone", () => {
  expect(idKey("duckling")).toBe(KEY);
  expect(OTHER).not.toBe(KEY);
});

test("ids made by an older version are genuine: their making never changes", () => {
  const fresh = "01a1fb67-1800-7000-8000-00000000d101";
  expect(freshId(KEY, NOW, zeros)).toBe(fresh);
  const bytes = Uint8Array.from({ length: 10 }, (_, i) => i * 25);
  expect(freshId(KEY, NOW, bytes, true)).toBe("01a1fb67-1800-7019-b24b-647d96afa51f");
  expect(derivedId(KEY, fresh, "link:0")).toBe("da471b94-0b85-8858-99c8-553ac4d27012");
});
