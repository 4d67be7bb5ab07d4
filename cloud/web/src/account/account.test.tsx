import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../testing/fakeHub";
import AccountPage from ".";

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/account/sessions", () =>
    json({
      sessions: [
        { id: "a", user_agent: "Wall", address: "", created_at: ME.server_time, last_used_at: ME.server_time, expires_at: ME.server_time, current: true },
        { id: "b", user_agent: "Phone", address: "", created_at: ME.server_time, last_used_at: ME.server_time, expires_at: ME.server_time, current: false },
      ],
    }),
  );
});

async function change(wanted: string, again: string): Promise<void> {
  const [present] = await screen.findAllByLabelText("当前密码");
  if (present === undefined) throw new Error("no field");
  await userEvent.type(present, "old");
  await userEvent.type(screen.getByLabelText(/^新密码/), wanted);
  await userEvent.type(screen.getByLabelText("再输入一次新密码"), again);
  await userEvent.click(screen.getByRole("button", { name: "修改密码" }));
}

it("changes the password only when both are the same", async () => {
  renderAt("/account", <AccountPage />);
  await change("three-old-trees", "three-old-tree");
  expect(await screen.findByText("两次输入的新密码不同")).toBeInTheDocument();
  expect(hub.called("PUT", "/api/v1/account/password")).toHaveLength(0);
  hub.answers.set("PUT /api/v1/account/password", () => json(null, 204));
  await userEvent.type(screen.getByLabelText("再输入一次新密码"), "s");
  await userEvent.click(screen.getByRole("button", { name: "修改密码" }));
  expect(await screen.findByText(/密码已修改/)).toBeInTheDocument();
  expect(hub.called("PUT", "/api/v1/account/password")).toEqual([
    { password: "old", new_password: "three-old-trees" },
  ]);
});

it("says why a password was refused", async () => {
  hub.answers.set("PUT /api/v1/account/password", () => problem(422, "bad_request", { detail: "太常见" }));
  renderAt("/account", <AccountPage />);
  await change("password123", "password123");
  expect(await screen.findByText(/太常见/)).toBeInTheDocument();
});

it("ends another login, never this one by mistake", async () => {
  hub.answers.set("DELETE /api/v1/account/sessions/b", () => json(null, 204));
  renderAt("/account", <AccountPage />);
  await userEvent.click(await screen.findByRole("button", { name: "退出这一个" }));
  expect(hub.called("DELETE", "/api/v1/account/sessions/b")).toHaveLength(1);
  expect(hub.called("DELETE", "/api/v1/account/sessions/a")).toHaveLength(0);
});

it("tells who must first set a password", async () => {
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, restriction: "password_change" }));
  renderAt("/account", <AccountPage />);
  expect(await screen.findByText(/请先设置自己的密码/)).toBeInTheDocument();
  expect(screen.queryByRole("link", { name: "返回工作区" })).not.toBeInTheDocument();
});
