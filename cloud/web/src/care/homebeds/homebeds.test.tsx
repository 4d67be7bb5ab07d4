import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import CareArea from "..";

const STEPS = [
  { key: "planned", zh: "已规划", en: "Planned", within_days: 10, mark: "D" },
  { key: "agreed", zh: "已签约", en: "Agreed", within_days: 10, mark: "D" },
  { key: "fitting", zh: "安装改造中", en: "Fitting", within_days: 20, mark: "D" },
];
const ROW = {
  id: "b1", elder_id: "e1", elder_name: "王秀兰", home_id: "h1", home_name: "王家", step: "fitting", step_since: "2026-03-01T00:00:00Z",
  next: "accept", due_on: "2026-02-20", overdue: true, purchaser: "自费",
};
const BED = {
  row: ROW, steps: STEPS, allowed: ["accept", "step_back", "end"],
  lacking: [{ code: "kit_unfitted", zh: "还有 2 件设备没有装" }],
  assessment_id: null, level: 2, plan: null, agreement: null, warranty_until: null, unfitted: 2, unchecked: 0, moves: [],
};

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  const permissions = [...ME.permissions, "care_read", "care_write"];
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, permissions }));
  hub.answers.set("GET /api/v1/home-beds", () => json({ steps: STEPS, rows: [ROW] }));
  hub.answers.set("GET /api/v1/home-beds/b1", () => json(BED));
});

const open = (path: string) => renderAt(path, <CareArea />, "/care/*");

it("lists by step, with what is overdue", async () => {
  open("/care/homebeds");
  const table = await screen.findByRole("table", { name: "安装改造中（1）" });
  expect(table).toHaveTextContent("验收");
  expect(table).toHaveTextContent("已超期");
});

it("shows where it stands, what is next and what that lacks", async () => {
  open("/care/homebeds/b1");
  expect(await screen.findByTestId("step-fitting")).toHaveAttribute("aria-current", "step");
  expect(screen.getByText("还有 2 件设备没有装")).toBeInTheDocument();
});

it("keeps the form with the reason where a step was refused", async () => {
  hub.answers.set("POST /api/v1/home-beds/b1/moves", () => problem(409, "step_refused", { detail: "还有 2 件设备没有装" }));
  open("/care/homebeds/b1");
  const form = await screen.findByTestId("move-accept");
  await userEvent.type(within(form).getByTestId("accepted-by"), "女儿");
  await userEvent.click(within(form).getByRole("button", { name: "验收" }));
  await waitFor(() => expect(hub.calls.some(({ method }) => method === "POST")).toBe(true));
  expect(await within(form).findByRole("alert")).toHaveTextContent("还有 2 件设备没有装");
});
