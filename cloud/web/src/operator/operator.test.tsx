import { screen, waitFor } from "@testing-library/react";
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
