// CloudWatch's metric math, as far as the alarms use it, and the evaluation of an alarm. Rules as in "Using math expressions
// with CloudWatch metrics" and "Configuring how CloudWatch alarms treat missing data":
//
//   * a gap counts as 0 in arithmetic, and in a comparison of two series, where the other series has a point
//   * a series compared with a number has points where the series has
//   * IF has points where its condition has; a gap in what it takes is 0 where the condition holds, and no point where not
//   * FILL has a point in every minute

/** One value for each minute, oldest first; undefined: no data point. */
export type Series = readonly (number | undefined)[];
type Value = number | Series;

/** The series an expression comes to. Throws where it knows a part of it not. */
export function evaluate(expression: string, metrics: Readonly<Record<string, Series>>): Series {
  const tokens = expression.match(/[A-Za-z]\w*|\d+(?:\.\d+)?|==|!=|>=|<=|[-+*/(),<>]/g) ?? [];
  const minutes = Math.max(...Object.values(metrics).map((series) => series.length));
  let at = 0;
  const take = (wanted?: string): string => {
    const token = tokens[at++];
    if (token === undefined || (wanted !== undefined && token !== wanted))
      throw new Error(`${wanted ?? "more"} expected in ${expression}, got ${token}`);
    return token;
  };
  const primary = (): Value => {
    const token = take();
    if (token === "(") {
      const inner = comparison();
      take(")");
      return inner;
    }
    if (/^\d/.test(token)) return Number(token);
    if (tokens[at] === "(") {
      take("(");
      const args = [comparison()];
      while (tokens[at] === ",") {
        take(",");
        args.push(comparison());
      }
      take(")");
      return call(token, args);
    }
    const series = metrics[token];
    if (series === undefined) throw new Error(`no metric ${token} for ${expression}`);
    return series;
  };
  const binary = (next: () => Value, operators: Readonly<Record<string, (a: number, b: number) => number>>) => () => {
    let left = next();
    for (let operator = operators[tokens[at] ?? ""]; operator; operator = operators[tokens[at] ?? ""]) {
      take();
      left = each(left, next(), operator);
    }
    return left;
  };
  const each = (a: Value, b: Value, operator: (a: number, b: number) => number): Value => {
    if (typeof a === "number" && typeof b === "number") return operator(a, b);
    return over((minute) => {
      const [x, y] = [valueAt(a, minute), valueAt(b, minute)];
      const gap = (typeof a === "number" || x === undefined) && (typeof b === "number" || y === undefined);
      return gap ? undefined : operator(x ?? 0, y ?? 0);
    });
  };
  const over = (point: (minute: number) => number | undefined) => Array.from({ length: minutes }, (_, i) => point(i));
  const call = (name: string, args: readonly Value[]): Series => {
    const [first = 0, second = 0, third] = args;
    if (name === "FILL" && args.length === 2) return over((i) => valueAt(first, i) ?? valueAt(second, i));
    if (name !== "IF" || args.length < 2) throw new Error(`${name} of ${args.length} is not known`);
    return over((i) => {
      const condition = valueAt(first, i);
      if (condition === undefined) return undefined;
      if (condition !== 0) return valueAt(second, i) ?? 0;
      return third === undefined ? undefined : valueAt(third, i);
    });
  };
  const product = binary(primary, { "*": (a, b) => a * b, "/": (a, b) => a / b });
  const total = binary(product, { "+": (a, b) => a + b, "-": (a, b) => a - b });
  const comparison = binary(total, {
    "==": (a, b) => Number(a === b),
    "!=": (a, b) => Number(a !== b),
    ">": (a, b) => Number(a > b),
    "<": (a, b) => Number(a < b),
    ">=": (a, b) => Number(a >= b),
    "<=": (a, b) => Number(a <= b),
  });
  const result = comparison();
  if (at < tokens.length || typeof result === "number") throw new Error(`${expression} is no series`);
  return result;
}

function valueAt(value: Value, minute: number): number | undefined {
  return typeof value === "number" ? value : value[minute];
}

/** Minutes that CloudWatch looks back further than it needs, for data points it misses. */
const SPARE_MINUTES = 2;

/** Whether an alarm that takes gaps for well is in alarm at the end of a series. */
export function inAlarm(
  series: Series,
  { threshold, minutes, badMinutes = minutes }: { threshold: number; minutes: number; badMinutes?: number },
): boolean {
  const points = series.slice(-(minutes + SPARE_MINUTES)).filter((point) => point !== undefined);
  return points.slice(-minutes).filter((point) => point >= threshold).length >= badMinutes;
}
