import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import type { components } from "../api/schema";
import { FakeHub, json, ME, problem, renderAt } from "../testing/fakeHub";
import { ShiftPanel } from "./ShiftPanel";

const NURSE: typeof ME = { ...ME, permissions: [...ME.permissions, "care_read", "records_read"] };
const ELDER = "7d1f0a52-0000-4000-8000-0000000000e1";

const roster = (duties: Partial<components["schemas"]["DutyOut"]>[]) => ({
  server_time: "2026-03-01T18:15:00.000Z", shift: "夜班", shift_starts_at: "2026-03-01T14:00:00Z",
  shift_ends_at: "2026-03-01T23:00:00Z", units: [], people: [],
  duties: duties.map((duty, index) => ({
    id: `d${index}`, user_id: `u${index}`, name: "周敏", unit_id: null, unit: null, duty_as: "duty",
    starts_at: "2026-03-01T14:00:00Z", ends_at: "2026-03-01T23:00:00Z", at_desk: true, has_way: true, ...duty,
  })),
}); // prettier-ignore
const due = (standing: string) => ({ last_at: null, last_way: null, last_by: null, due_at: "2026-03-01T18:00:00Z", standing });
const row = (name: string, round: string, turning: string | null = null, away = false) => ({
  elder_id: name, elder_name: name, bed_id: name, place: name, unit_id: "u", level: 2, away, sensor_allowed: false,
  round: due(round), turning: turning === null ? null : due(turning),
}); // prettier-ignore

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/duty/roster", () => json(roster([{}, { name: "吴倩", at_desk: false, has_way: false }])));
  hub.answers.set("GET /api/v1/rounds", () => json({ server_time: "", shift: "night", active: true, rows: [] }));
});

it("names who is on duty, and who can only be found in person", async () => {
  renderAt("/duty", <ShiftPanel me={NURSE} />);
  const list = within(await screen.findByTestId("on-duty"));
  expect(list.getByText(/周敏/).closest("li")).not.toHaveTextContent("只能当面找到");
  expect(list.getByText(/吴倩/).closest("li")).toHaveTextContent("只能当面找到");
});

it("says aloud that nobody is on the roster", async () => {
  hub.answers.set("GET /api/v1/duty/roster", () => json(roster([])));
  renderAt("/duty", <ShiftPanel me={NURSE} />);
  expect(await screen.findByTestId("on-duty")).toHaveTextContent("现在没有人排班");
});

it("counts each elder once, the missed before the due, and nobody who is away", async () => {
  hub.answers.set("GET /api/v1/rounds", () =>
    json({
      server_time: "", shift: "night", active: true,
      rows: [row("a", "missed", "due"), row("b", "due"), row("c", "ok", "due"), row("d", "missed", null, true), row("e", "ok")],
    }),
  ); // prettier-ignore
  renderAt("/duty", <ShiftPanel me={NURSE} />);
  const panel = await screen.findByTestId("rounds-due");
  expect(panel).toHaveAttribute("data-missed", "1");
  expect(panel).toHaveAttribute("data-due", "2");
});

it("what cannot be fetched is said, not shown as nothing due", async () => {
  hub.answers.set("GET /api/v1/rounds", () => problem(500, "broken"));
  renderAt("/duty", <ShiftPanel me={NURSE} />);
  expect(await screen.findByRole("alert")).toHaveTextContent("没有取到巡查翻身");
  expect(screen.queryByTestId("rounds-due")).not.toBeInTheDocument();
});

it("Enter opens the first who is found", async () => {
  hub.answers.set("GET /api/v1/elders", () =>
    json({ elders: [{ id: ELDER, name: "王秀兰", place: { label: "201-1 床" } }], next: null }),
  );
  const { location } = renderAt("/duty", <ShiftPanel me={NURSE} />);
  await userEvent.type(screen.getByTestId("duty-search-field"), "wxl");
  expect(await screen.findByRole("link", { name: "王秀兰 · 201-1 床" })).toBeInTheDocument();
  await userEvent.keyboard("{Enter}");
  await waitFor(() => expect(location()).toBe(`/care/elders/${ELDER}`));
});
