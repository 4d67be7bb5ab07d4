import { expect, test } from "vitest";

import { extremes, traces } from "./traces";

const MINUTE = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();

test("a gap breaks the line, and only there", () => {
  const line = { at_ms: [0, MINUTE, 10 * MINUTE], values: [60, 61, 80] };
  const { timeS, values } = traces([line], [{ from_at: iso(MINUTE), until_at: iso(10 * MINUTE) }]);
  expect(timeS).toEqual([0, 60, 330, 600]);
  expect(values).toEqual([[60, 61, null, 80]]);
});

test("points of another device are no hole", () => {
  const first = { at_ms: [0, 2 * MINUTE], values: [60, 62] };
  const second = { at_ms: [MINUTE], values: [61] };
  expect(traces([first, second], []).values).toEqual([
    [60, undefined, 62],
    [undefined, 61, undefined],
  ]);
});

test("nothing at all has no extremes", () => {
  expect(extremes([])).toBeNull();
  expect(extremes([{ at_ms: [0, 1], values: [70, 50] }])).toEqual({ low: 50, high: 70 });
});
