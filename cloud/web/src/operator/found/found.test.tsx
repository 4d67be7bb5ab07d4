import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import OperatorArea from "..";
import "./FoundPage"; // loaded before it is asked for
import type { Found } from "./calls";

const PIR: Found = {
  id: "0x00158d0001234567",
  transport: "mqtt",
  format: "zigbee2mqtt",
  name: "203/卫生间",
  vendor: "Aqara",
  model: "RTCGQ11LM",
  description: "",
  suggested_role: "motion",
  quantities: { motion: 1, battery_level: 88 },
  link: {},
  problem: null,
  first_heard_at: "2026-03-01T18:10:00.000Z",
  last_heard_at: "2026-03-01T18:15:00.000Z",
  heard_by: [
    {
      gateway_id: "7d1f0a52-0000-4000-8000-0000000000a1",
      gateway: "网关-1",
      rssi_dbm: null,
      link_quality: 80,
      last_heard_at: "2026-03-01T18:15:00.000Z",
      messages: 4,
    },
  ],
  is_known: false,
  ignored_at: null,
  ignored_by: null,
};
const ROOM = "7d1f0a52-0000-4000-8000-0000000000b1";

let hub: FakeHub;
let devices: Found[];
beforeEach(() => {
  hub = new FakeHub();
  devices = [PIR];
  hub.answers.set("GET /api/v1/session", () =>
    json({ ...ME, role: "operator", permissions: ["devices_manage", "own_account"] }),
  );
  hub.answers.set("GET /api/v1/found-devices", () =>
    json({ server_time: "2026-03-01T18:15:00.000Z", devices, ignored: 2 }),
  );
  hub.answers.set("GET /api/v1/places", () =>
    json({
      buildings: [],
      homes: [],
      units: [{ id: "u", name: "2 楼", rooms: [{ id: ROOM, name: "203", beds: [], version: 1 }] }],
      counts: {},
    }),
  );
});

const open = () => renderAt("/operator/found", <OperatorArea />, "/operator/*");

it("shows what a found device is, measures, and how well it is heard", async () => {
  open();
  expect(await screen.findByText("Aqara RTCGQ11LM", {}, { timeout: 5_000 })).toBeInTheDocument();
  expect(screen.getByText("活动 1，电量 88")).toBeInTheDocument();
  expect(screen.getByText("网关-1 LQI 80")).toBeInTheDocument();
  expect(screen.getByRole("button", { name: "已忽略 2 个" })).toBeInTheDocument();
});

it("says that an encrypted device needs its key", async () => {
  devices = [{ ...PIR, transport: "ble", problem: "no_bind_key", quantities: {} }];
  open();
  expect(await screen.findByText("已加密：需要密钥")).toBeInTheDocument();
});

it("ignores a device", async () => {
  hub.answers.set(`POST /api/v1/found-devices/${PIR.id}/ignore`, () => json({}));
  open();
  await userEvent.click(await screen.findByRole("button", { name: /^忽\s?略$/ }));
  await waitFor(() =>
    expect(hub.calls.map(({ path }) => path)).toContain(`/api/v1/found-devices/${PIR.id}/ignore`),
  );
});

it("says so when somebody was faster", async () => {
  hub.answers.set(`POST /api/v1/found-devices/${PIR.id}/ignore`, () => problem(404, "not_found"));
  open();
  await userEvent.click(await screen.findByRole("button", { name: /^忽\s?略$/ }));
  expect(await screen.findByText(/没有完成/)).toBeInTheDocument();
});

it("opens the form with the suggested role", async () => {
  open();
  await userEvent.click(await screen.findByRole("button", { name: /接\s?收/ }));
  expect(await screen.findByText("人体红外")).toBeInTheDocument();
  expect(screen.getByLabelText("属于")).toBeInTheDocument();
  expect(screen.queryByLabelText(/密钥/)).not.toBeInTheDocument();
});
