import { expect, it } from "vitest";

import { type Condition, conditionOf, groupsOf, typed } from "./rules";

const AGE = { field: "age", op: ">=", value: 60 };
const ALONE = { field: "living", op: "=", value: "alone" };
const AWAY = { field: "children_away", op: "=", value: true };

it("shows a condition as groups of rows and makes the same of them again", () => {
  const condition: Condition = { all: [AGE, { any: [ALONE, AWAY] }] };
  const groups = groupsOf(condition);
  expect(groups).toEqual([[AGE], [ALONE, AWAY]]);
  expect(conditionOf(groups ?? [])).toEqual(condition);
});

it("leaves alone what is nested deeper than rows can show", () => {
  expect(groupsOf({ all: [{ any: [{ all: [AGE, ALONE] }, AWAY] }] })).toBeNull();
});

it("leaves out groups that hold nothing", () => {
  expect(conditionOf([[], [AGE]])).toEqual({ all: [AGE] });
});

it("takes numbers for numbers only where the field is one", () => {
  expect([typed("65", true), typed("500109", false), typed("true", false), typed("alone", true)]).toEqual([
    65, "500109", true, "alone",
  ]);
});
