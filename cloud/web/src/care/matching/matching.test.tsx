import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import CareArea from "..";

const LIST = {
  id: "l1", source: "区民政局", field: "economic_status", purpose: "核对", legal_basis: "协议", as_of: "2026-02-28",
  file_name: "低保.csv", file_sha256: null, state: "ready", step: "", done: 2, total: 2, note: "",
  meanings: [{ status: "低保", value: "dibao" }], values: ["dibao", "tekun", "unknown"], previous_as_of: null,
  uploaded_at: "2026-03-01T00:00:00Z", uploaded_by: "许文", ended_at: null, expires_on: "2026-05-30",
  counts: { changed: 1 }, undecided: { changed: 1 }, version: 1,
};
const ROW = {
  id: "r1", line: 3, difference: "changed", certainty: "likely", reason: "by_name", why: "按姓名和出生日期比对",
  name: "王秀兰", birth_date: "1941-03-12", number: null, status: "低保",
  elders: [{ elder_id: "e1", name: "王秀兰", birth_date: "1941-03-12" }], before: null, after: "dibao", decision: null,
  decided_at: null, decided_by: null, decision_note: "", undone_at: null, undone_by: null, may_bulk: false,
};

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  const permissions = [...ME.permissions, "care_read", "care_write", "records_write"];
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, permissions }));
  hub.answers.set("GET /api/v1/matching-lists/l1", () => json(LIST));
  hub.answers.set("GET /api/v1/matching-lists/l1/rows", () => json({ rows: [ROW], next: null }));
});

const open = () => renderAt("/care/matching/l1", <CareArea />, "/care/*");

it("says how sure a row is and what would change, in plain words", async () => {
  open();
  const row = await screen.findByTestId("match-row");
  expect(row).toHaveTextContent("可能（姓名和出生日期），请核对");
  expect(row).toHaveTextContent("经济困难情况：待核实 → 低保");
});

it("says what the server said where a decision is refused, and keeps the row open", async () => {
  hub.answers.set("POST /api/v1/matching-lists/l1/rows/r1/decision", () => problem(409, "conflict"));
  open();
  const row = await screen.findByTestId("match-row");
  await userEvent.click(within(row).getByTestId("task"));
  expect(await within(row).findByRole("alert")).toBeInTheDocument();
  expect(row).toHaveAttribute("data-decided", "false");
});

it("tells why a file was no list, and takes another", async () => {
  const failed = { ...LIST, state: "failed", note: "没有找到表头：至少要有“姓名”", counts: {}, undecided: {} };
  hub.answers.set("GET /api/v1/matching-lists/l1", () => json(failed));
  open();
  expect(await screen.findByRole("alert")).toHaveTextContent("没有找到表头");
  expect(screen.getByTestId("list-file")).toBeInTheDocument();
});
