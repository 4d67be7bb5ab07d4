import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import CareArea from "..";

const DUE = { last_at: null, last_way: null, last_by: null, due_at: "2026-02-28T18:00:00Z", standing: "missed" };
const ROW = {
  elder_id: "e1", elder_name: "王秀兰", bed_id: "b1", place: "2 楼 203-1 床", unit_id: "u1", level: 4, away: false,
  sensor_allowed: false, round: DUE, turning: { ...DUE, standing: "ok" },
};
const LIST = { server_time: "2026-02-28T18:30:00Z", shift: "夜班", active: true, rows: [ROW] };

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  const permissions = [...ME.permissions, "care_read", "care_write"];
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, permissions }));
  hub.answers.set("GET /api/v1/rounds", () => json(LIST));
});

const open = () => renderAt("/care/rounds", <CareArea />, "/care/*");

it("shows what was missed, in the house's time", async () => {
  open();
  const card = await screen.findByTestId("round-card");
  expect(card).toHaveAttribute("data-standing", "missed");
  expect(card).toHaveTextContent("巡查：已漏检（应于 02:00）");
  expect(card).toHaveTextContent("翻身：下次 02:00");
});

it("says so where no plan runs", async () => {
  hub.answers.set("GET /api/v1/rounds", () => json({ ...LIST, active: false, rows: [] }));
  open();
  expect(await screen.findByText(/还没有启用巡查计划/)).toBeInTheDocument();
});

it("says so where the list could not be fetched", async () => {
  hub.answers.set("GET /api/v1/rounds", () => problem(500, "internal"));
  open();
  expect(await screen.findByText(/名单没有取到/)).toBeInTheDocument();
});

it("keeps the form open with the reason where a check was refused", async () => {
  hub.answers.set("POST /api/v1/rounds/checks", () => problem(409, "conflict"));
  open();
  const card = await screen.findByTestId("round-card");
  await userEvent.click(within(card).getByRole("button", { name: "巡查" }));
  await userEvent.click(within(card).getByRole("button", { name: "记录" }));
  expect(await within(card).findByRole("alert")).toBeInTheDocument();
});
