// How long a cold process takes to load Lovage as it ships, with what the first delay() loads, and the two bare clients.
import { ask } from "./child.ts";
import { median } from "./measure.ts";

export async function importMs(times: number): Promise<{ lovage: number; raw: number }> {
  const measured: { lovage: number[]; raw: number[] } = { lovage: [], raw: [] };
  for (let i = 0; i < times; i++) {
    for (const name of ["lovage", "raw"] as const) measured[name].push(await ask<number>("import", name));
  }
  return { lovage: median(measured.lovage), raw: median(measured.raw) };
}
