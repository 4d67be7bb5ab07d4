import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import { startI18n } from "../../i18n";
import { FloorPlan } from "./FloorPlan";
import { BED_W, type FloorUnit, layOut } from "./layout";

const room = (id: string, beds: number) => ({
  id,
  name: id,
  beds: Array.from({ length: beds }, (_, n) => ({ id: `${id}-${n}`, label: `${id}-${n}`, state: "in_bed" as const })),
});

it("no bed overlaps another or leaves the page, at any width", () => {
  for (const width of [320, 700, 1600]) {
    const { rooms, height, width: drawn } = layOut([room("a", 1), room("b", 4), room("c", 2), room("d", 9)], width);
    expect(drawn).toBe(width);
    const corners = rooms.flatMap(({ beds }) => beds.map(({ x, y }) => `${x} ${y}`));
    expect(new Set(corners).size).toBe(16);
    for (const { x, y, width: roomWidth, height: roomHeight, beds } of rooms) {
      expect(x + roomWidth).toBeLessThanOrEqual(width);
      expect(y + roomHeight).toBeLessThanOrEqual(height);
      for (const bed of beds) expect(bed.x + BED_W).toBeLessThanOrEqual(x + roomWidth);
    }
  }
});

const UNITS: FloorUnit[] = [
  { id: "1", name: "一区", rooms: [room("101", 2), { id: "102", name: "102", beds: [{ id: "x", label: "102-1", name: "王秀兰", state: "alert", detail: "跌倒" }] }] },
]; // prettier-ignore

it("one Tab reaches it, arrows go from bed to bed, Enter opens", async () => {
  startI18n("zh");
  const opened = vi.fn();
  render(<FloorPlan title="楼层" units={UNITS} onOpen={opened} />);
  await userEvent.tab();
  expect(screen.getByLabelText("101-0 · 在床")).toHaveFocus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  const last = screen.getByLabelText("102-1 · 王秀兰 · 报警 · 跌倒");
  expect(last).toHaveFocus();
  await userEvent.keyboard("{ArrowRight}{Enter}");
  expect(opened.mock.calls).toEqual([["x"]]);
  await userEvent.keyboard("{Home}");
  expect(screen.getByLabelText("101-0 · 在床")).toHaveFocus();
  await userEvent.click(last);
  expect(opened).toHaveBeenLastCalledWith("x");
});

it("says each state in a word beside its sign, with how many there are", () => {
  startI18n("zh");
  render(<FloorPlan title="楼层" units={UNITS} />);
  expect(screen.getAllByRole("listitem").map((item) => item.textContent)).toEqual(["报警 1", "在床 2"]);
});
