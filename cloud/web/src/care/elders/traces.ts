/** A chart's lines as uPlot takes them: one time axis, a hole wherever nothing is known. Pure. */
import type { Series } from "./calls";

type Line = Pick<Series["lines"][number], "at_ms" | "values">;
type Silence = Pick<Series["gaps"][number], "from_at" | "until_at">;

export type Traces = { timeS: number[]; values: (number | null)[][] };

/** `null` at the middle of each gap breaks every line there; `undefined` never stands in the data. */
export function traces(lines: readonly Line[], gaps: readonly Silence[]): Traces {
  const broken = gaps.map(({ from_at, until_at }) => (Date.parse(from_at) + Date.parse(until_at)) / 2);
  const times = [...new Set([...lines.flatMap(({ at_ms }) => at_ms), ...broken])].sort((a, b) => a - b);
  const place = new Map(times.map((time, index) => [time, index]));
  const values = lines.map(({ at_ms, values: measured }) => {
    // Between two points of one line there may be points of another: no hole there.
    const filled: (number | null | undefined)[] = times.map(() => undefined);
    for (const time of broken) filled[place.get(time) ?? 0] = null;
    at_ms.forEach((time, index) => {
      filled[place.get(time) ?? 0] = measured[index] ?? null;
    });
    return filled as (number | null)[];
  });
  return { timeS: times.map((time) => time / 1000), values };
}

/** The lowest and the highest of all lines; null where there is nothing. */
export function extremes(lines: readonly Line[]): { low: number; high: number } | null {
  const all = lines.flatMap(({ values }) => values);
  if (all.length === 0) return null;
  return { low: Math.min(...all), high: Math.max(...all) };
}
