import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import OperatorArea from "..";
import { FakeHub, json, ME, renderAt } from "../../testing/fakeHub";
import "./AuditPage"; // loaded before they are asked for
import "./GlassPage";

const ENTRY = {
  seq: 7, at: "2026-03-01T18:13:00.000Z", action: "record.broke_glass",
  actor: { kind: "user", id: "u1", name: "周敏", role: "duty" }, elder_id: "e1", elder_name: "王秀兰",
  subject: { kind: "break_glass", id: "g1" }, reason: "走廊里跌倒", changes: { phone: { before: "(encrypted)", after: "(encrypted)" } },
  detail: {}, hash: "00ff",
};
const GLASS = {
  id: "g1", user_id: "u1", user_name: "周敏", elder_id: "e1", elder_name: "王秀兰", reason: "走廊里跌倒",
  opened_at: "2026-03-01T18:13:00.000Z", closes_at: "2026-03-01T22:13:00.000Z", reviewed_at: null, review_note: null,
};

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/session", () =>
    json({ ...ME, role: "manager", permissions: ["audit_read", "break_glass_review", "devices_manage", "own_account", "users_manage"] }),
  );
  hub.answers.set("GET /api/v1/users", () => json({ users: [], next_cursor: null }));
  hub.answers.set("GET /api/v1/audit", () => json({ entries: [ENTRY], next_cursor: null }));
});

it("tells who did what to whom and why, and whether the chain is whole", async () => {
  hub.answers.set("GET /api/v1/audit/verification", () =>
    json({ whole: true, entries: 7, head: "00ff", broken_at: null, why: null }),
  );
  renderAt("/operator/audit", <OperatorArea />, "/operator/*");
  const row = within(await screen.findByRole("row", { name: /王秀兰/ }));
  for (const text of ["周敏", "紧急打开档案", "走廊里跌倒", /phone: \(encrypted\)/]) {
    expect(row.getByText(text)).toBeInTheDocument();
  }
  await userEvent.click(screen.getByRole("button", { name: "核验完整性" }));
  expect(await screen.findByText(/完整：共 7 条.*00ff/)).toBeInTheDocument();
  expect(screen.getByRole("link", { name: /导出全部/ })).toHaveAttribute("href", "/api/v1/audit/export");
});

it("says that the chain is broken, and where", async () => {
  hub.answers.set("GET /api/v1/audit/verification", () =>
    json({ whole: false, entries: 7, head: "", broken_at: 3, why: "changed" }),
  );
  renderAt("/operator/audit", <OperatorArea />, "/operator/*");
  await userEvent.click(await screen.findByRole("button", { name: "核验完整性" }));
  expect(await screen.findByText("第 3 条处不完整：changed")).toBeInTheDocument();
});

it("reviews an emergency opening", async () => {
  hub.answers.set("GET /api/v1/break-glass", () => json({ opened: [GLASS], next_cursor: null }));
  hub.answers.set("POST /api/v1/break-glass/g1/review", () => json({ ...GLASS, reviewed_at: GLASS.closes_at }));
  renderAt("/operator/break-glass", <OperatorArea />, "/operator/*");
  const form = within(await screen.findByTestId("glass-review"));
  expect(form.getByText("走廊里跌倒")).toBeInTheDocument();
  await userEvent.type(form.getByLabelText("周敏 的复核意见"), "属实");
  await userEvent.click(form.getByRole("button", { name: "已核实" }));
  expect(hub.called("POST", "/api/v1/break-glass/g1/review")).toEqual([{ note: "属实" }]);
});
