import { screen, within } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../testing/fakeHub";
import BureauArea from ".";

const WORDS = { name: "完成的评估", part: "评估", whole: "", counts: "提交的", leaves_out: "草稿", source: "评估记录" };
const INDICATOR = {
  code: "assessments", shape: "count", zh: WORDS, en: WORDS, of_people: true, goal_percent: null, per: null, kinds: [],
  drill: false, connected: true,
};
const SHARE = { ...INDICATOR, code: "rounds", shape: "share", zh: { ...WORDS, name: "巡查完成率" }, goal_percent: 100 };
const VISITS = { ...SHARE, code: "visits", zh: { ...WORDS, name: "探访完成率" }, connected: false };
const NOTHING = { part: null, whole: null, percent: null, per_1000: null, median_s: null, p95_s: null };
const figure = (node: string, indicator: string, more: object) => ({
  node, indicator, kind: "", masked: false, known: true, ...NOTHING, ...more,
});
const SHEET = {
  month: "2026-03", whose: "bureau", running: false, computed_at: "2026-04-01T02:00:00.000Z", sha256: "abc",
  nodes: [
    { key: "all", level: "all", name: "某某市民政局", parent: null, days: 60, of_days: 62, shows_events: false },
    { key: "district:1", level: "district", name: "甲区", parent: "all", days: 60, of_days: 62, shows_events: false },
    { key: "institution:1", level: "institution", name: "某院", parent: "district:1", days: 31, of_days: 31, shows_events: true },
  ],
  figures: [
    figure("all", "assessments", { masked: true }),
    figure("all", "rounds", { part: 98, whole: 100, percent: 98 }),
    figure("all", "visits", { known: false }),
    figure("district:1", "rounds", { known: false }),
  ],
};

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, permissions: ["own_account", "bureau_read"] }));
  hub.answers.set("GET /api/v1/bureau/indicators", () => json({ indicators: [INDICATOR, SHARE, VISITS], masked_below: 5 }));
  hub.answers.set("GET /api/v1/bureau/sheet", () => json(SHEET));
});

const open = () => renderAt("/bureau/month?month=2026-03", <BureauArea />, "/bureau/*");

it("says masked, unknown and not connected in words, never as a zero", async () => {
  open();
  const table = await screen.findByRole("table", { name: "指标" });
  const row = (name: string) => within(table).getByRole("row", { name: new RegExp(name) });
  expect(row("完成的评估")).toHaveTextContent("已遮盖");
  expect(row("探访完成率")).toHaveTextContent("未接入");
  expect(row("巡查完成率")).toHaveTextContent("98 %98 / 100100 % 未达到");
  expect(within(screen.getByRole("table", { name: "下级" })).getByText("无数据")).toBeInTheDocument();
});

it("tells how many days are missing", async () => {
  open();
  expect(await screen.findByText(/有 2 个机构日没有数据/)).toBeInTheDocument();
});

it("says why where nothing could be fetched", async () => {
  hub.answers.set("GET /api/v1/bureau/sheet", () => problem(500, "internal"));
  open();
  expect(await screen.findByText(/没有取到/)).toBeInTheDocument();
});
