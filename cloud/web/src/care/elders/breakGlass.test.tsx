import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { addTexts } from "../../i18n";
import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import EldersPage from "./EldersPage";
import "./ElderRecordPage"; // loaded before it is asked for
import * as texts from "./texts";

addTexts("elders", texts);

const ID = "7d1f0a52-0000-4000-8000-0000000000e1";
let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/session", () =>
    json({ ...ME, permissions: ["break_glass", "own_account", "records_read"] }),
  );
  hub.answers.set("GET /api/v1/elders", () => json({ elders: [], next: null }));
  hub.answers.set(`POST /api/v1/elders/${ID}/break-glass`, () => json({}, 201));
  hub.answers.set(`GET /api/v1/elders/${ID}/page`, () => problem(403, "outside_unit"));
});

it("finds somebody of another unit and opens the record with a reason", async () => {
  hub.answers.set("GET /api/v1/break-glass/elders", () =>
    json({ elders: [{ id: ID, name: "王秀兰", place: "2 楼 203-1" }] }),
  );
  renderAt("/care/elders", <EldersPage />, "/care/elders/*");
  await userEvent.click(await screen.findByText("紧急查看其他楼层的老人"));
  const form = within(screen.getByTestId("open-other"));
  await userEvent.type(form.getByTestId("glass-find"), "王秀");
  await screen.findByRole("option", { name: "王秀兰 · 2 楼 203-1", hidden: true });
  await userEvent.selectOptions(form.getByTestId("glass-whom"), ID);
  await userEvent.type(form.getByTestId("glass-reason"), "走廊里跌倒");
  await userEvent.click(form.getByRole("button", { name: "打开档案", hidden: true }));
  expect(hub.called("POST", `/api/v1/elders/${ID}/break-glass`)).toEqual([{ reason: "走廊里跌倒" }]);
});

it("asks for the reason where a record of another unit is opened by its address", async () => {
  renderAt(`/care/elders/${ID}`, <EldersPage />, "/care/elders/*");
  const form = within(await screen.findByTestId("break-glass"));
  await userEvent.type(form.getByTestId("glass-reason"), "夜间跌倒");
  await userEvent.click(form.getByRole("button", { name: "打开档案" }));
  expect(hub.called("POST", `/api/v1/elders/${ID}/break-glass`)).toEqual([{ reason: "夜间跌倒" }]);
});

it("offers nothing of the kind to who sees everybody", async () => {
  hub.answers.set("GET /api/v1/session", () =>
    json({ ...ME, permissions: ["break_glass", "own_account", "records_all_units", "records_read"] }),
  );
  renderAt("/care/elders", <EldersPage />, "/care/elders/*");
  expect(await screen.findByText("没有符合的老人。")).toBeInTheDocument();
  expect(screen.queryByText("紧急查看其他楼层的老人")).not.toBeInTheDocument();
});
