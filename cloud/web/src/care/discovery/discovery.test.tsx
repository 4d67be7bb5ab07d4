import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import CareArea from "..";

const REASON = {
  kind: "activity", group: "movement", points: 3.2, hard: false, factor: 1, curve: "activity",
  text_zh: "白天活动减少：近 7 天多为 20 次，平时 62 次", text_en: "Movement by day down",
};
const CASE = {
  id: "c1", elder_id: "e1", elder_name: "王秀兰", place: "2 楼 203-1 床", age: 84, opened_on: "2026-02-28",
  day: "2026-02-28", score: 5.7, listed: true, simulated: false, state: "open", reason_code: null, note: null,
  ask_again_on: null, ended_at: null, ended_by: null, version: 1, tasks: [], moves: [], unknown: ["vitals"],
  reasons: [
    REASON,
    { ...REASON, kind: "lives_alone", group: "record", points: 1, curve: null, text_zh: "独居", text_en: "lives alone" },
  ],
};
const STATS = { opened: 4, waiting: 1, confirmed: 2, dismissed: 1, median_days_to_answer: 1, dismissals: { away: 1 } };
const LIST = { day: "2026-02-28", scored_at: "2026-02-28T22:10:00Z", elders: 60, stale: false, cases: [CASE], stats: STATS };

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  const permissions = [...ME.permissions, "care_read", "care_write"];
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, permissions }));
  hub.answers.set("GET /api/v1/discovery", () => json(LIST));
});

const open = () => renderAt("/care/discovery", <CareArea />, "/care/*");

it("says every point in words, and what is not known", async () => {
  open();
  const card = await screen.findByTestId("discovery-card");
  expect(card).toHaveTextContent("5.7 分");
  expect(card).toHaveTextContent("3.2 分白天活动减少：近 7 天多为 20 次，平时 62 次");
  expect(card).toHaveTextContent("档案情况：独居（1）");
  expect(card).toHaveTextContent("现在不知道：生命体征");
  expect(screen.getByTestId("discovery-stats")).toHaveTextContent("67%（2/3）");
});

it("dismisses with a code and a day to ask again", async () => {
  hub.answers.set("POST /api/v1/discovery/cases/c1/answer", () => json({ ...CASE, state: "dismissed" }));
  open();
  const card = await screen.findByTestId("discovery-card");
  await userEvent.click(within(card).getByRole("button", { name: "排除" }));
  const form = within(card).getByTestId("discovery-answer");
  await userEvent.selectOptions(within(form).getByTestId("dismiss-code"), "visitors");
  await userEvent.click(within(form).getByRole("button", { name: "保存" }));
  const call = hub.calls.find(({ method }) => method === "POST");
  expect(call?.body).toMatchObject({ version: 1, decision: "dismissed", reason_code: "visitors" });
});

it("keeps the form open with the reason where the answer was refused", async () => {
  hub.answers.set("POST /api/v1/discovery/cases/c1/answer", () => problem(409, "changed_meanwhile"));
  open();
  const card = await screen.findByTestId("discovery-card");
  await userEvent.click(within(card).getByRole("button", { name: "核实为真" }));
  await userEvent.click(within(card).getByRole("button", { name: "保存" }));
  expect(await within(card).findByRole("alert")).toBeInTheDocument();
});

it("never shows a list that was not made as an empty one, nor an old one as new", async () => {
  hub.answers.set("GET /api/v1/discovery", () => json({ ...LIST, day: null, cases: [] }));
  open();
  expect(await screen.findByText(/还没有排过名单/)).toBeInTheDocument();
  expect(screen.queryByText(/今天没有需要核实/)).not.toBeInTheDocument();
});

it("says so where the list is old, or could not be fetched", async () => {
  hub.answers.set("GET /api/v1/discovery", () => json({ ...LIST, stale: true }));
  open();
  expect(await screen.findByText(/名单不是昨晚的/)).toBeInTheDocument();
});

it("says so where the list could not be fetched", async () => {
  hub.answers.set("GET /api/v1/discovery", () => problem(500, "internal"));
  open();
  expect(await screen.findByText(/名单没有取到/)).toBeInTheDocument();
});
