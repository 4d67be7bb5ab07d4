import { expect, it } from "vitest";

import { firstHops } from "./AlertDetails";

it("shows the first time of each hop, in the order they happened", () => {
  const hop = (name: "sensed" | "shown" | "committed", second: number, by: string) => ({
    hop: name,
    at: `2026-03-01T18:13:0${second}.000Z`,
    by,
  });
  const ledger = [hop("shown", 5, "吴倩"), hop("sensed", 0, "w"), hop("shown", 3, "周敏"), hop("committed", 2, "cloud")];
  expect(firstHops(ledger).map(({ first, times }) => [first.hop, first.by, times])).toEqual([
    ["sensed", "w", 1],
    ["committed", "cloud", 1],
    ["shown", "周敏", 2],
  ]);
});
