import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, renderAt } from "../../testing/fakeHub";
import OperatorArea from "..";
import "./UsersPage"; // loaded before it is asked for

const USER = {
  id: "u1", username: "zhiban3", name: "陈晓", role: "duty", unit_ids: [],
  created_at: ME.server_time, disabled_at: null, second_factor: false,
  must_change_password: false, linked: false, oidc_subject: null, version: 3,
};

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/session", () =>
    json({ ...ME, role: "manager", permissions: ["devices_manage", "own_account", "users_manage"] }),
  );
  hub.answers.set("GET /api/v1/users", () => json({ users: [USER], next_cursor: null }));
});

const open = () => renderAt("/operator/users", <OperatorArea />, "/operator/*");

it("makes a user and shows the password once", async () => {
  hub.answers.set("POST /api/v1/users", () => json({ user: USER, password: "abc-def-ghi" }, 201));
  open();
  await userEvent.type(await screen.findByLabelText("用户名"), "zhiban3");
  await userEvent.type(screen.getByLabelText("姓名"), "陈晓");
  await userEvent.click(screen.getByRole("button", { name: /新\s?建/ }));
  expect(await screen.findByText(/abc-def-ghi/)).toBeInTheDocument();
  expect(hub.called("POST", "/api/v1/users")).toEqual([
    { username: "zhiban3", name: "陈晓", role: "duty", unit_ids: [] },
  ]);
});

it("changes a role and lets a user go", async () => {
  hub.answers.set("PATCH /api/v1/users/u1", () => json({ ...USER, role: "assessor" }));
  hub.answers.set("POST /api/v1/users/u1/disable", () => json(USER));
  open();
  const row = within(await screen.findByRole("row", { name: /zhiban3/ }));
  await userEvent.selectOptions(row.getByLabelText("陈晓的角色"), "assessor");
  expect(hub.called("PATCH", "/api/v1/users/u1")).toEqual([{ role: "assessor" }]);
  await userEvent.click(row.getByRole("button", { name: /停\s?用/ }));
  expect(hub.called("POST", "/api/v1/users/u1/disable")).toHaveLength(1);
});

it("gives a user the units to serve", async () => {
  hub.answers.set("GET /api/v1/places", () =>
    json({ buildings: [], units: [{ id: "n1", name: "2 楼", building_id: null, sort_order: 1, rooms: [], version: 1 }],
      homes: [], counts: {} }),
  );
  hub.answers.set("PATCH /api/v1/users/u1", () => json({ ...USER, unit_ids: ["n1"] }));
  open();
  const row = within(await screen.findByRole("row", { name: /zhiban3/ }));
  await userEvent.click(row.getByText("全院"));
  await userEvent.click(await row.findByLabelText("2 楼"));
  expect(hub.called("PATCH", "/api/v1/users/u1")).toEqual([{ unit_ids: ["n1"] }]);
});

it("is not there for who does not manage users", async () => {
  hub.answers.set("GET /api/v1/session", () =>
    json({ ...ME, role: "operator", permissions: ["devices_manage", "own_account"] }),
  );
  open();
  expect(await screen.findByRole("heading", { name: "网关" })).toBeInTheDocument();
  expect(screen.queryByRole("link", { name: "用户" })).not.toBeInTheDocument();
});
