// A bill is a list of lines: so many units of something at a price, and what was assumed to count them.
import { PRICES, type Priced } from "./prices.ts";

export interface CostLine {
  readonly what: string;
  readonly units: number;
  readonly unit: string;
  /** US dollars for `pricePer` units. */
  readonly price: number;
  readonly pricePer: number;
  readonly dollars: number;
  /** How the units were counted. */
  readonly assumption: string;
}

export function line(what: string, units: number, priced: Priced, assumption: string): CostLine {
  const { usd, per, unit } = PRICES[priced];
  return { what, units, unit, price: usd, pricePer: per, dollars: (units * usd) / per, assumption };
}

/** US dollars. */
export function total(lines: readonly CostLine[]): number {
  return lines.reduce((sum, { dollars }) => sum + dollars, 0);
}

/** The line that costs most; undefined where nothing costs anything. */
export function dearest(lines: readonly CostLine[]): CostLine | undefined {
  const first = lines.toSorted((a, b) => b.dollars - a.dollars)[0];
  return first !== undefined && first.dollars > 0 ? first : undefined;
}
