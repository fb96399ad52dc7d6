// Moments as Celery writes them: ISO 8601 with microseconds and an offset, such as 2026-11-21T04:13:11.504807+00:00.

// datetime.min and datetime.max of Python: the years 1 to 9999.
const FIRST = -62_135_596_800_000;
const LAST = 253_402_300_799_999;

/** Undefined outside the years 1 to 9999, which no Python worker could read. */
export function formatTime(epochMs: number): string | undefined {
  if (!(epochMs >= FIRST && epochMs <= LAST)) return undefined;
  return `${new Date(epochMs).toISOString().slice(0, 23)}000+00:00`;
}

// Every part is of fixed or bounded length, so matching takes bounded time.
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d)(?::?(\d\d))?)?$/;

/** Epoch ms, cut to whole ones. Without an offset it is UTC, as Celery reads it. Undefined where it is not a moment. */
export function parseTime(text: string): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const part = (group: number) => Number(match[group] ?? 0);
  const [month, day, hour, minute, second] = [part(2), part(3), part(4), part(5), part(6)];
  const date = new Date(0);
  date.setUTCFullYear(part(1), month - 1, day);
  if (date.getUTCMonth() !== month - 1) return undefined; // 31 February, 0 March: no such day is one of another month
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const milliseconds = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  const offset = (part(9) * 60 + part(10)) * 60 + part(11);
  if (offset >= 86_400) return undefined;
  const local = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 + milliseconds;
  const epochMs = local - (match[8] === "-" ? -offset : offset) * 1_000;
  return epochMs >= FIRST && epochMs <= LAST ? epochMs : undefined;
}
