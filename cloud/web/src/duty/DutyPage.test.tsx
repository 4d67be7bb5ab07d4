import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../testing/fakeHub";
import { acknowledged, aDetail, aDevice, aGateway, anAlert, aStatus, resolved } from "../testing/samples";
import DutyPage from "./DutyPage";

// Each test has its own alert: what a login has shown is remembered for the page's life.
let count = 0;
const freshId = () => `alert-${(count += 1)}`;

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
});

async function open(): Promise<{ location: () => string }> {
  const page = renderAt("/duty", <DutyPage />);
  await waitFor(() => expect(hub.streams.length).toBeGreaterThan(0));
  act(() => hub.stream.opens());
  return page;
}

describe("the desk without alerts", () => {
  it("does not claim anything before the list is there", async () => {
    hub.answers.set("GET /api/v1/alerts", () => new Promise(() => undefined));
    renderAt("/duty", <DutyPage />);
    expect(await screen.findByTestId("list-unknown")).toHaveTextContent("还不知道有没有报警");
    expect(screen.queryByText("当前没有待处理报警")).toBeNull();
  });

  it("says so when the list cannot be loaded, and why", async () => {
    hub.answers.set("GET /api/v1/alerts", () => problem(500, "internal"));
    renderAt("/duty", <DutyPage />);
    expect(await screen.findByTestId("banner-list")).toHaveTextContent("服务器出错（500）");
    expect(screen.getByTestId("list-unknown")).toBeInTheDocument();
  });

  it("is calm when everything is known, with the time of the last data", async () => {
    await open();
    const empty = await screen.findByTestId("list-empty");
    await waitFor(() => expect(empty).toHaveAttribute("data-calm", "true"));
    expect(empty).toHaveTextContent("当前没有待处理报警");
    expect(empty).toHaveTextContent("02:14:58");
    expect(screen.getByTestId("gateway-state")).toHaveTextContent("网关在线 1/1");
  });

  it("is not calm when a gateway is offline, and counts the elders", async () => {
    hub.status = aStatus({ gateways: [aGateway({ state: "offline" })] });
    await open();
    expect(await screen.findByTestId("banner-gateway")).toHaveTextContent(
      "网关离线，2 位老人目前无法监测",
    );
    expect(screen.getByTestId("list-empty")).toHaveAttribute("data-calm", "false");
    expect(screen.queryByText("当前没有待处理报警")).toBeNull();
  });

  it("turns red when the stream says that the gateway went offline", async () => {
    await open();
    await screen.findByTestId("list-empty");
    act(() => hub.stream.says("status", aStatus({ gateways: [aGateway({ state: "offline" })] })));
    expect(await screen.findByTestId("banner-gateway")).toBeInTheDocument();
  });

  it("names the elders nobody hears of", async () => {
    const devices = [aDevice("王秀兰"), aDevice("李国强", { silent: true })];
    hub.status = aStatus({ devices: { assigned: 2, silent: 1, devices } });
    await open();
    const banner = await screen.findByTestId("banner-unheard");
    expect(banner).toHaveTextContent("李国强");
    expect(banner).not.toHaveTextContent("王秀兰");
  });

  it("does not call it quiet when no device reports at all", async () => {
    const devices = [aDevice("王秀兰", { silent: true })];
    hub.status = aStatus({ devices: { assigned: 1, silent: 1, devices } });
    await open();
    await screen.findByTestId("banner-unheard");
    expect(screen.getByTestId("list-empty")).toHaveTextContent("没有一台设备在发送数据");
    expect(screen.getByTestId("list-empty")).toHaveAttribute("data-calm", "false");
  });

  it("warns that sound is not running", async () => {
    await open();
    expect(await screen.findByTestId("banner-sound")).toBeInTheDocument();
  });
});

describe("the desk with alerts", () => {
  it("shows who, where, what, since when, and the care note", async () => {
    hub.alerts = [anAlert({ id: freshId() })];
    await open();
    const card = await screen.findByTestId("alert-card");
    expect(card).toHaveAttribute("data-state", "raised");
    expect(card).toHaveAttribute("data-code", "fall_confirmed");
    expect(within(card).getByTestId("alert-elder")).toHaveTextContent("王秀兰");
    expect(within(card).getByTestId("alert-place")).toHaveTextContent("201 房 1 床");
    expect(within(card).getByText("高优先级")).toBeInTheDocument();
    expect(within(card).getByText("搀扶时走左侧")).toBeInTheDocument();
    expect(within(card).getByTestId("alert-clock")).toHaveTextContent(/^\d+:\d\d/);
    await waitFor(() => expect(card.dataset.shownAt).toMatch(/^\d+$/));
    expect(await within(card).findByText("身体受到撞击")).toBeInTheDocument();
  });

  it("tells the server once that it was shown", async () => {
    const id = freshId();
    hub.alerts = [anAlert({ id })];
    await open();
    await screen.findByTestId("alert-card");
    act(() => hub.stream.says("alert", anAlert({ id, count: 2, updated_at: "2026-03-01T18:14:00.000Z" }), 11));
    await screen.findByText(/重复 2 次/);
    expect(hub.called("POST", `/api/v1/alerts/${id}/shown`)).toHaveLength(1);
  });

  it.each([
    ["a simulation", { origin: "simulated" as const }, "模拟数据，不是真实事件"],
    ["a drill", { origin: "drill" as const }, "演练，不是真实事件"],
    ["a recovery", { recovered: true }, "已恢复，仍需查看"],
    ["a late arrival", { late_s: 1680, raised_at: "2026-03-01T18:41:00.000Z" }, "发生 02:13，收到 02:41"],
  ])("marks %s", async (_what, changes, text) => {
    hub.alerts = [anAlert({ id: freshId(), ...changes })];
    await open();
    expect(await screen.findByTestId("alert-card")).toHaveTextContent(text);
  });

  it("shows an alert of an unknown kind, without elder and place, rather than hide it", async () => {
    hub.alerts = [anAlert({ id: freshId(), code: "new_kind", elder: null, place: null })];
    await open();
    const card = await screen.findByTestId("alert-card");
    expect(card).toHaveTextContent("new_kind");
    expect(card).toHaveTextContent("未登记老人");
    expect(card).toHaveTextContent("wearable-0001");
  });

  it("follows the stream: a new alert comes, is announced, is acknowledged elsewhere, goes", async () => {
    await open();
    await screen.findByTestId("list-empty");
    const id = freshId();
    act(() => hub.stream.says("alert", anAlert({ id }), 11));
    const card = await screen.findByTestId("alert-card");
    expect(screen.getByTestId("announcement")).toHaveTextContent("新报警，高优先级，跌倒，王秀兰，201 房 1 床");
    expect(document.title).toContain("201 房 1 床");
    act(() => hub.stream.says("alert", anAlert({ id, ...acknowledged("吴倩") }), 12));
    await waitFor(() => expect(card).toHaveAttribute("data-state", "acknowledged"));
    expect(card).toHaveTextContent("吴倩 于 02:14:05 确认");
    hub.recent = [anAlert({ id, ...resolved("吴倩") })];
    act(() => hub.stream.says("alert", anAlert({ id, ...resolved("吴倩") }), 13));
    await waitFor(() => expect(screen.queryByTestId("alert-card")).toBeNull());
    expect(await screen.findByTestId("recent-row")).toHaveTextContent("属实");
  });

  it("loads everything again when the stream begins anew", async () => {
    await open();
    await screen.findByTestId("list-empty");
    hub.alerts = [anAlert({ id: freshId() })];
    act(() => hub.stream.says("reset", { position: 3 }, 3));
    expect(await screen.findByTestId("alert-card")).toBeInTheDocument();
  });
});

describe("acknowledging", () => {
  const moves = (id: string) => `/api/v1/alerts/${id}/moves`;

  it("says acknowledged only when the server has said so", async () => {
    const id = freshId();
    hub.alerts = [anAlert({ id })];
    let answer: (response: Response) => void = () => undefined;
    hub.answers.set(`POST ${moves(id)}`, () => new Promise((resolve) => (answer = resolve)));
    await open();
    const card = await screen.findByTestId("alert-card");
    await userEvent.click(within(card).getByTestId("alert-acknowledge"));
    expect(await within(card).findByText("正在确认…")).toBeInTheDocument();
    expect(card).toHaveAttribute("data-state", "raised");
    act(() => answer(json(aDetail({ id, ...acknowledged(ME.name) }))));
    await waitFor(() => expect(card).toHaveAttribute("data-state", "acknowledged"));
    expect(card).toHaveTextContent("周敏 于 02:14:05 确认");
    expect(within(card).getByTestId("alert-resolve")).toHaveFocus();
    expect(hub.called("POST", moves(id))).toMatchObject([{ move: "acknowledge" }]);
  });

  it("says when it did not get through, and can be tried again", async () => {
    const id = freshId();
    hub.alerts = [anAlert({ id })];
    hub.answers.set(`POST ${moves(id)}`, () => Promise.reject(new TypeError("no route")));
    await open();
    const card = await screen.findByTestId("alert-card");
    await userEvent.click(within(card).getByTestId("alert-acknowledge"));
    expect(await within(card).findByText(/确认没有送到：连不上服务器/)).toBeInTheDocument();
    expect(card).toHaveAttribute("data-state", "raised");
    hub.answers.set(`POST ${moves(id)}`, () => json(aDetail({ id, ...acknowledged(ME.name) })));
    await userEvent.click(within(card).getByText("重试确认"));
    await waitFor(() => expect(card).toHaveAttribute("data-state", "acknowledged"));
  });

  it("shows who was first", async () => {
    const id = freshId();
    hub.alerts = [anAlert({ id })];
    await open();
    const card = await screen.findByTestId("alert-card");
    await within(card).findByText("身体受到撞击");
    hub.answers.set(`POST ${moves(id)}`, () => problem(409, "illegal_move", { state: "acknowledged" }));
    hub.answers.set(`GET /api/v1/alerts/${id}`, () => json(aDetail({ id, ...acknowledged("吴倩") })));
    await userEvent.click(within(card).getByTestId("alert-acknowledge"));
    expect(await within(card).findByText("已由 吴倩 于 02:14:05 先确认")).toBeInTheDocument();
    expect(card).toHaveAttribute("data-state", "acknowledged");
  });
});

describe("resolving", () => {
  async function openDialog(id: string): Promise<HTMLElement> {
    hub.alerts = [anAlert({ id, ...acknowledged("周敏") })];
    await open();
    await userEvent.click(await screen.findByTestId("alert-resolve"));
    return screen.findByRole("dialog");
  }

  it("asks for a finding before it sends anything", async () => {
    const id = freshId();
    const dialog = await openDialog(id);
    await userEvent.click(within(dialog).getByTestId("resolve-submit"));
    expect(within(dialog).getByText("请先选择一项")).toBeInTheDocument();
    expect(hub.called("POST", `/api/v1/alerts/${id}/moves`)).toHaveLength(0);
  });

  it("sends finding and note, and the alert leaves the list", async () => {
    const id = freshId();
    const dialog = await openDialog(id);
    hub.answers.set(`POST /api/v1/alerts/${id}/moves`, () => {
      hub.alerts = [];
      return json(aDetail({ id, ...resolved("周敏") }));
    });
    await userEvent.click(within(dialog).getByTestId("resolve-verdict-true"));
    await userEvent.type(within(dialog).getByRole("textbox"), " 扶起，无外伤 ");
    await userEvent.click(within(dialog).getByTestId("resolve-submit"));
    await waitFor(() => expect(screen.queryByTestId("alert-card")).toBeNull());
    expect(hub.called("POST", `/api/v1/alerts/${id}/moves`)).toMatchObject([
      { move: "resolve", finding: "real_fall", note: "扶起，无外伤" },
    ]);
  });

  it("says so, and keeps what was written, when someone else resolves it meanwhile", async () => {
    const id = freshId();
    const dialog = await openDialog(id);
    await userEvent.type(within(dialog).getByRole("textbox"), "正在写");
    hub.alerts = [];
    hub.recent = [anAlert({ id, ...resolved("吴倩") })];
    act(() => hub.stream.says("alert", anAlert({ id, ...resolved("吴倩") }), 12));
    expect(await within(dialog).findByText("已由 吴倩 于 02:20:00 先处置")).toBeInTheDocument();
    expect(within(dialog).getByRole("textbox")).toHaveValue("正在写");
    expect(within(dialog).queryByTestId("resolve-submit")).toBeNull();
  });

  it("keeps what was written when it does not get through", async () => {
    const id = freshId();
    const dialog = await openDialog(id);
    hub.answers.set(`POST /api/v1/alerts/${id}/moves`, () => problem(503, "busy"));
    await userEvent.click(within(dialog).getByTestId("resolve-verdict-false"));
    await userEvent.type(within(dialog).getByRole("textbox"), "拍了一下手环");
    await userEvent.click(within(dialog).getByTestId("resolve-submit"));
    expect(await within(dialog).findByText(/处置没有送到/)).toBeInTheDocument();
    expect(within(dialog).getByRole("textbox")).toHaveValue("拍了一下手环");
  });
});

describe("the login's end", () => {
  it("goes to the login and says that alerts no longer arrive", async () => {
    const page = await open();
    await screen.findByTestId("list-empty");
    act(() => hub.stream.says("end", { code: "not_logged_in" }));
    await waitFor(() => expect(page.location()).toBe("/login?expired=1"));
  });

  it("goes to the login quietly when nobody was logged in", async () => {
    for (const path of ["session", "alerts", "status"]) {
      hub.answers.set(`GET /api/v1/${path}`, () => problem(401, "not_logged_in"));
    }
    const page = renderAt("/duty", <DutyPage />);
    await waitFor(() => expect(page.location()).toBe("/login"));
  });
});

it("speaks English when asked to", async () => {
  await open();
  await screen.findByTestId("list-empty");
  await userEvent.click(screen.getByTestId("language-switch"));
  expect(await screen.findByText("No open alerts")).toBeInTheDocument();
  expect(document.documentElement.lang).toBe("en");
  await userEvent.click(screen.getByTestId("language-switch"));
  expect(await screen.findByText("当前没有待处理报警")).toBeInTheDocument();
});
