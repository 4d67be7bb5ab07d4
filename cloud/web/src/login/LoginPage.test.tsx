import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../testing/fakeHub";
import { backOf } from "../areas";
import type { Me } from "../api/types";
import LoginPage from "./LoginPage";

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
});

async function logIn(username: string, password: string): Promise<void> {
  if (username !== "") await userEvent.type(screen.getByTestId("login-username"), username);
  if (password !== "") await userEvent.type(screen.getByTestId("login-password"), password);
  await userEvent.click(screen.getByTestId("login-submit"));
}

it("logs in and goes to the desk", async () => {
  const page = renderAt("/login", <LoginPage />);
  await logIn(" zhiban1 ", "secret");
  await waitFor(() => expect(page.location()).toBe("/duty"));
  expect(hub.called("POST", "/api/v1/session")).toEqual([
    { username: "zhiban1", password: "secret" },
  ]);
});

it.each([
  ["/shift/night", { permissions: ["alerts_act", "roster_read"] }, "/shift/night"],
  ["/operator/users", { permissions: ["alerts_act"] }, "/duty"],
  ["//evil.example", { permissions: ["alerts_act"] }, "/duty"],
])("goes back to where one was sent from, if one may be there: %s", (from, more, there) => {
  expect(backOf({ ...ME, ...more } as Me, from)).toBe(there);
});

it.each([
  ["a wrong password", () => problem(401, "bad_login"), "用户名或密码不正确"],
  ["too many tries", () => json({ code: "busy" }, 429, { "Retry-After": "45" }), "请 45 秒后再试"],
  ["a broken server", () => problem(500, "internal"), "服务器出错（500）"],
  ["no server", () => Promise.reject(new TypeError("refused")), "连不上服务器"],
])("says what is wrong: %s", async (_what, answer, text) => {
  hub.answers.set("POST /api/v1/session", answer);
  const page = renderAt("/login", <LoginPage />);
  await logIn("zhiban1", "wrong");
  expect(await screen.findByText(text, { exact: false })).toBeInTheDocument();
  expect(page.location()).toBe("/login");
});

it("asks for both before it sends anything", async () => {
  renderAt("/login", <LoginPage />);
  await logIn("zhiban1", "");
  expect(await screen.findByText("请输入用户名和密码")).toBeInTheDocument();
  expect(hub.called("POST", "/api/v1/session")).toHaveLength(0);
});

it("says that the screen receives no alerts after the login has ended", () => {
  renderAt("/login?expired=1", <LoginPage />);
  expect(screen.getByText(/收不到报警/)).toBeInTheDocument();
});

it("asks for a code where the account has a second factor", async () => {
  hub.answers.set("POST /api/v1/session", () => problem(401, "second_factor_needed"));
  const page = renderAt("/login", <LoginPage />);
  await logIn("admin", "secret");
  expect(await screen.findByText("请输入身份验证器上的 6 位验证码")).toBeInTheDocument();
  hub.answers.delete("POST /api/v1/session");
  await userEvent.type(screen.getByTestId("login-code"), "123456");
  await userEvent.click(screen.getByTestId("login-submit"));
  await waitFor(() => expect(page.location()).toBe("/duty"));
  expect(hub.called("POST", "/api/v1/session").at(-1)).toEqual({
    username: "admin",
    password: "secret",
    code: "123456",
  });
});

it("leads to one's account where a password is to be set first", async () => {
  hub.answers.set("POST /api/v1/session", () => json({ ...ME, restriction: "password_change" }));
  const page = renderAt("/login", <LoginPage />);
  await logIn("new", "told-once");
  await waitFor(() => expect(page.location()).toBe("/account"));
});

it("offers the house's own accounts where there are any", async () => {
  hub.answers.set("GET /api/v1/session/ways", () =>
    json({ password: true, oidc: { label: "单位账号", start: "/api/v1/session/oidc" } }),
  );
  renderAt("/login", <LoginPage />);
  const button = await screen.findByTestId("login-oidc");
  expect(button).toHaveTextContent("单位账号");
  expect(button).toHaveAttribute("href", "/api/v1/session/oidc");
});

it.each([
  ["oidc_unknown_user", /还没有对应的用户/],
  ["oidc_second_factor", /两步验证/],
  ["something-new", /无法核实/],
])("says why such a sign-in did not come about: %s", async (code, text) => {
  renderAt(`/login?failed=${code}`, <LoginPage />);
  expect(await screen.findByText(text)).toBeInTheDocument();
});
