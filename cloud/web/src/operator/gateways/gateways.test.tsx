import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import OperatorArea from "..";
import type { Gateway } from "./calls";

const ID = "7d1f0a52-0000-4000-8000-0000000000a1";

function aGateway(changes: Partial<Gateway> = {}): Gateway {
  return {
    id: ID,
    name: "二楼网关",
    state: "online",
    created_at: "2026-03-01T00:00:00.000Z",
    enrolled_at: "2026-03-01T00:10:00.000Z",
    revoked_at: null,
    last_heartbeat_at: "2026-03-01T18:14:50.000Z",
    started_at: "2026-03-01T00:10:00.000Z",
    software_version: "0.1.0",
    urgent_pending: 2,
    bulk_pending: 30,
    oldest_pending_at: "2026-03-01T18:10:00.000Z",
    outbox_bytes: 1024,
    disk_free_bytes: 512 * 1024 * 1024,
    rejected_total: 0,
    clock_offset_s: 0.1,
    sources: { mqtt: true, "ble:hci0": false },
    devices_heard: 12,
    mains: null,
    battery_percent: null,
    local_alarm: "ready",
    settings_version: 1,
    settings_applied: 1,
    settings_error: null,
    rotating: false,
    code_expires_at: null,
    ...changes,
  };
}

let hub: FakeHub;
let list: Gateway[];
beforeEach(() => {
  hub = new FakeHub();
  list = [aGateway()];
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, role: "operator" }));
  hub.answers.set("GET /api/v1/gateways", () =>
    json({ server_time: "2026-03-01T18:15:00.000Z", gateways: list }),
  );
});

const open = () => renderAt("/operator/gateways", <OperatorArea />, "/operator/*");

it("shows queue, clock, version, last contact and what is down", async () => {
  list = [aGateway({ clock_offset_s: -7200 })];
  open();
  // The first look loads the page's code too.
  expect(await screen.findByText("二楼网关", undefined, { timeout: 4_000 })).toBeInTheDocument();
  expect(screen.getByText(/报警 2，数据 30/)).toBeInTheDocument();
  expect(screen.getByText("ble:hci0 中断")).toBeInTheDocument();
  expect(screen.getByText(/偏差 -7200.0 秒/)).toBeInTheDocument();
  expect(screen.getByText("0.1.0")).toBeInTheDocument();
});

it("shows the code of a new gateway once, with the command to run", async () => {
  hub.answers.set("POST /api/v1/gateways", () =>
    json({
      gateway: aGateway({ name: "三楼网关" }),
      code: "ABCD-EFGH-JKLM",
      code_expires_at: "2026-03-01T18:45:00.000Z",
    }),
  );
  open();
  await userEvent.type(await screen.findByLabelText("新网关的名称"), "三楼网关");
  await userEvent.click(screen.getByRole("button", { name: "新建并取登记码" }));
  expect(await screen.findByText("ABCD-EFGH-JKLM")).toBeInTheDocument();
  expect(screen.getByText(/yuyue gateway enroll --cloud .* --code ABCD-EFGH-JKLM/)).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "已记下，关闭" }));
  expect(screen.queryByText("ABCD-EFGH-JKLM")).not.toBeInTheDocument();
});

it("asks before it shuts a gateway out, and says when that did not work", async () => {
  hub.answers.set(`POST /api/v1/gateways/${ID}/revoke`, () => problem(500, "internal"));
  open();
  await userEvent.click(await screen.findByRole("button", { name: "吊销" }));
  const group = screen.getByRole("group", { name: /立即断开“二楼网关”/ });
  await userEvent.click(within(group).getByRole("button", { name: "确认吊销" }));
  expect(await screen.findByText(/没有成功：服务器出错（500）/)).toBeInTheDocument();
});

it("changes what a gateway is told, and leaves the rest to it", async () => {
  const present = { mqtt_host: "broker", mqtt_password: "********", mqtt_username: "gw", local_alarm_mqtt: false };
  hub.answers.set(`GET /api/v1/gateways/${ID}/settings`, () =>
    json({ settings: present, settings_version: 1, settings_applied: 1, settings_error: null }),
  );
  hub.answers.set(`PUT /api/v1/gateways/${ID}/settings`, () =>
    json({ settings: present, settings_version: 2, settings_applied: 1, settings_error: null }),
  );
  open();
  await userEvent.click(await screen.findByRole("button", { name: "设置" }));
  await userEvent.type(await screen.findByLabelText("MQTT 端口"), "8883");
  await userEvent.type(screen.getByLabelText("Home Assistant 发现前缀"), "ha");
  await userEvent.click(screen.getByRole("button", { name: "保存设置" }));
  expect(await screen.findByRole("status")).toBeInTheDocument();
  expect(hub.called("PUT", `/api/v1/gateways/${ID}/settings`).at(-1)).toMatchObject({
    ...present,
    mqtt_port: 8883,
    mqtt_discovery: "ha",
    mqtt_zigbee2mqtt: null,
    local_alarm_delay_s: null,
  });
});
