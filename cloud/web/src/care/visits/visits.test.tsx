import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import CareArea from "..";

const ROW = {
  elder_id: "e1", elder_name: "王秀兰", where: "01 王秀兰家", group: "high_risk", interval_days: 7, visitor_id: null, visitor: null,
  due_at: "2026-02-28T16:00:00Z", regular_at: "2026-03-04T16:00:00Z", standing: "overdue",
  pulls: [{ at: "2026-02-27T08:00:00Z", due_at: "2026-02-28T16:00:00Z", reason: "alert", note: "fall_confirmed" }],
  last_done_at: "2026-02-25T02:00:00Z", last_done_by: "周敏", last_attempt_at: "2026-02-25T02:00:00Z", last_attempt: "done", open_followups: 0,
};
const LIST = { server_time: "2026-03-01T02:00:00Z", today: "2026-03-01", rows: [ROW], unplanned: [{ elder_id: "e2", elder_name: "李国强", where: "02 李家" }] };
const SETTINGS = {
  groups: [{ key: "high_risk", zh: "高风险", en: "High risk", who_zh: "80 岁以上独居", who_en: "80+", interval_days: 7, default_days: 7, mark: "V", source: "x" }],
  ways: [{ key: "in_person", zh: "上门", en: "In person", remote: false }, { key: "phone", zh: "电话", en: "Phone", remote: true }],
  findings: [{ key: "all_well", zh: "一切安好", en: "All well", remote: false }],
  staff: [], pull_forward_h: 24, remote_in_a_row: 1, marks: {}, station: { name: "站", lat: 29.53, lon: 106.49 }, map_tiles: "",
  version: 0, updated_at: null, updated_by: null,
};
const STOP = { row: ROW, address: "示范街 1 号", place: { lat: 29.54, lon: 106.5 }, leg_m: 1234.5 };

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  const permissions = [...ME.permissions, "care_read", "care_write"];
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, permissions }));
  hub.answers.set("GET /api/v1/visits/due", () => json(LIST));
  hub.answers.set("GET /api/v1/visit-settings", () => json(SETTINGS));
  hub.answers.set("GET /api/v1/visits/route", () => json({ day: "2026-03-01", station: SETTINGS.station, stops: [STOP], length_m: 1234.5 }));
});

const open = (path = "/care/visits") => renderAt(path, <CareArea />, "/care/*");

it("says who is overdue, and why it was pulled forward", async () => {
  open();
  const card = await screen.findByTestId("visit-card");
  expect(card).toHaveAttribute("data-standing", "overdue");
  expect(card).toHaveTextContent("已超期（应于 02/28 23:59 前）");
  expect(card).toHaveTextContent("提前探访：02/27 16:00 确认跌倒");
  expect(screen.getByRole("link", { name: "李国强 · 02 李家" })).toBeInTheDocument();
});

it("says so where the list could not be fetched", async () => {
  hub.answers.set("GET /api/v1/visits/due", () => problem(500, "internal"));
  open();
  expect(await screen.findByText(/名单没有取到/)).toBeInTheDocument();
});

it("draws the route and lists the same doors", async () => {
  open("/care/visits/route");
  expect(await screen.findByRole("img", { name: /1 户按顺序编号/ })).toBeInTheDocument();
  const card = screen.getByTestId("visit-card");
  expect(card).toHaveTextContent("示范街 1 号 · 距上一户 1.2 km");
  expect(document.querySelector("image")).toBeNull();
});

it("lets somebody check in without a place, with the reason", async () => {
  const getCurrentPosition = (_: unknown, failed: (error: { code: number }) => void) => failed({ code: 1 });
  Object.defineProperty(navigator, "geolocation", { configurable: true, value: { getCurrentPosition } });
  hub.answers.set("POST /api/v1/visits", () => problem(409, "conflict"));
  open();
  const card = await screen.findByTestId("visit-card");
  await userEvent.click(within(card).getByRole("button", { name: "打卡" }));
  expect(await within(card).findByText("没有授权定位")).toBeInTheDocument();
  await userEvent.type(within(card).getByTestId("visit-no-place"), "楼道没有信号");
  await userEvent.click(within(card).getByLabelText("一切安好"));
  await userEvent.click(within(card).getByRole("button", { name: "记录这次探访" }));
  const sent = () => hub.calls.filter(({ method }) => method === "POST");
  await waitFor(() => expect(sent()).toHaveLength(1));
  expect(sent()[0]?.body).toMatchObject({ elder_id: "e1", place: null, no_place_reason: "楼道没有信号", findings: ["all_well"] });
  expect(await within(card).findByRole("alert")).toBeInTheDocument();
});
