import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it, vi } from "vitest";

import { FakeHub, problem, renderAt } from "../testing/fakeHub";
import { anAlert } from "../testing/samples";
import { FloorPanel } from "./FloorPanel";

const ELDER = "7d1f0a52-0000-4000-8000-0000000000e9";
const bed = (name: string, more: object) => ({
  id: `bed-${name}`, name, state: "in_bed" as const, elder_id: ELDER, elder_name: "王秀兰", presence: "in_bed" as const,
  since: "2026-03-01T14:00:00.000Z", ...more,
}); // prettier-ignore

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.floor.units = [
    { id: "u", name: "一区", is_home: false, rooms: [{ id: "r", name: "203", beds: [
      bed("1", {}), bed("2", { elder_id: "other", elder_name: "李国强", state: "blind", presence: null, since: null }),
    ] }] },
  ]; // prettier-ignore
});

it("shows each bed's state, and opens the elder", async () => {
  const { location } = renderAt("/duty", <FloorPanel alerts={[]} />);
  const unseen = await screen.findByLabelText("203-2 · 李国强 · 失去监测");
  expect(unseen.closest("[data-state]")).toHaveAttribute("data-state", "blind");
  await userEvent.click(screen.getByLabelText(/203-1 · 王秀兰 · 在床/));
  expect(location()).toBe(`/care/elders/${ELDER}`);
});

it("an alert that the desk hears of is on the floor at once, and leads to its card", async () => {
  const alert = anAlert();
  if (alert.elder === null) throw new Error("a sample without an elder");
  const rooms = hub.floor.units[0]?.rooms[0];
  if (rooms !== undefined) rooms.beds[0] = bed("1", { elder_id: alert.elder.id });
  const card = document.createElement("div");
  card.id = `card-${alert.id}`;
  const scrolled = vi.fn();
  card.scrollIntoView = scrolled;
  document.body.append(card);
  renderAt("/duty", <FloorPanel alerts={[alert]} />);
  const here = await screen.findByLabelText(/203-1 · 王秀兰 · 报警/);
  await userEvent.click(here);
  expect(scrolled).toHaveBeenCalled();
  card.remove();
});

it("a floor that cannot be asked for is not shown as it was", async () => {
  hub.answers.set("GET /api/v1/floor", () => problem(500, "broken"));
  renderAt("/duty", <FloorPanel alerts={[]} />);
  expect(await screen.findByRole("alert")).toHaveTextContent("不能当作平安");
  expect(screen.queryByTestId("floor-bed")).not.toBeInTheDocument();
});
