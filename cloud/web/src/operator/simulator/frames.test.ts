import { expect, it } from "vitest";

import { figuresOf, type Frame, NOTHING, withFrame } from "./frames";
import { parseCarers } from "./RunForm";
import { ALERT, CARD, CAST } from "./samples";

const tick = (more: object): Frame =>
  ({ kind: "tick", at_s: 0, beds: [], alerts: [], staff: [], readings: 0, silent: 0, ...more });

it("adds parts up to a picture, and forgets nothing that was not said anew", () => {
  const told: Frame[] = [
    { kind: "progress", stage: "make", done: 1, of: 2 },
    CAST,
    tick({ beds: [[0, "in_bed"], [1, "up"]], staff: [{ carer: 2, doing: "free", bed: null }] }),
    tick({ at_s: 3600, beds: [[1, "alert"]], alerts: [ALERT], staff: [{ carer: 1, doing: "free", bed: null }] }),
    tick({ at_s: 3700, alerts: [{ ...ALERT, state: "going", carer: 1 }], silent: 1 }),
  ]; // prettier-ignore
  const picture = told.reduce(withFrame, NOTHING);
  expect(picture.beds).toEqual(["in_bed", "alert"]);
  expect(picture.alerts).toEqual([{ ...ALERT, state: "going", carer: 1 }]);
  expect(picture.staff.map((one) => one.carer)).toEqual([1, 2]);
  expect([picture.atS, picture.silent, picture.progress]).toEqual([3700, 1, null]);
  expect(withFrame(picture, CARD).result).toBe(CARD);
});

it("a bed of which nothing is known yet is unknown, not well", () => {
  expect(withFrame(NOTHING, CAST).beds).toEqual(["unknown", "unknown"]);
});

it("sums the scorecard", () => {
  const figures = new Map(figuresOf(CARD).map(({ name, text }) => [name, text]));
  expect(figures.get("foundTotal")).toBe("2 / 3");
  expect(figures.get("missedTotal")).toBe("1");
  expect(figures.get("falseRate")).toBe("0.80");
  expect(figures.get("missedTarget")).toBe("1 / 2");
});

it.each([
  ["1,2,3", [1, 2, 3]],
  ["1， 2、3", [1, 2, 3]],
  ["0", [0]],
  ["", null],
  ["1,x", null],
  ["1.5", null],
  ["-1", null],
  ["201", null],
  ["1,2,3,4,5,6,7,8,9", null],
])("carers %j are %j", (text, numbers) => {
  expect(parseCarers(text)).toEqual(numbers);
});
