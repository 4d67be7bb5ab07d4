import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../testing/fakeHub";
import { aGateway, aStatus } from "../testing/samples";
import OperatorArea from ".";

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, role: "manager", permissions: [...ME.permissions, "devices_manage"] }));
});

const open = () => renderAt("/operator/overview", <OperatorArea />, "/operator/*");

it("shows each gateway with its state, and leads to the other areas", async () => {
  hub.status = aStatus({ gateways: [aGateway({ state: "offline", name: "二楼网关" })] });
  open();
  expect(await screen.findByText("二楼网关")).toBeInTheDocument();
  expect(screen.getByText("离线")).toBeInTheDocument();
  expect(screen.getByRole("link", { name: "值班台" })).toHaveAttribute("href", "/duty");
});

it("shows what was put into quarantine and why, in words where they are known", async () => {
  hub.status = aStatus({ quarantine: [{ reason: "future_time", count: 7 }, { reason: "odd_frame", count: 1 }] });
  open();
  expect(await screen.findByText(/设备的钟快了/)).toBeInTheDocument();
  expect(screen.getByText("odd_frame")).toBeInTheDocument();
  expect(screen.getByText("7")).toBeInTheDocument();
});

it("says so when the state could not be fetched", async () => {
  hub.answers.set("GET /api/v1/status", () => problem(500, "internal"));
  open();
  expect(await screen.findByText(/没有取到状态：服务器出错（500）/)).toBeInTheDocument();
});

it("leads to the login where nobody is logged in", async () => {
  hub.answers.set("GET /api/v1/session", () => problem(401, "not_logged_in"));
  const page = open();
  await waitFor(() => expect(page.location()).toBe("/login"));
});

it("lets the operator say which contact is on the door of the home", async () => {
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, role: "manager", permissions: [...ME.permissions, "devices_manage"] }));
  hub.answers.set("GET /api/v1/device-tasks", () => json({ faults: [], tests_due: [] }));
  hub.answers.set("GET /api/v1/devices", () => json({ devices: [], next: null }));
  hub.answers.set("GET /api/v1/places", () => json({ units: [], homes: [] }));
  hub.answers.set("PUT /api/v1/devices/door-7/sensor", () => new Response(null, { status: 204 }));
  renderAt("/operator/devices", <OperatorArea />, "/operator/*");
  const form = await screen.findByTestId("device-purpose");
  await userEvent.type(within(form).getByTestId("purpose-id"), "door-7");
  await userEvent.click(within(form).getByRole("button", { name: "保存用途" }));
  await waitFor(() => {
    expect(hub.calls.find(({ method }) => method === "PUT")).toMatchObject({
      path: "/api/v1/devices/door-7/sensor",
      body: { role: "outer_door", room_kind: "entrance" },
    });
  });
});
