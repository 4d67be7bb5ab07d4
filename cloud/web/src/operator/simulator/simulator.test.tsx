import { act, configure, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import OperatorArea from "..";
import type { RunDetail, Scenario } from "./calls";
import { ALERT, CARD, CAST } from "./samples";

const SCENARIO: Scenario = {
  key: "busy-night",
  title_zh: "忙碌的夜班",
  title_en: "A busy night",
  story_zh: "六十张床，两个护理员。",
  story_en: "Sixty beds, two carers.",
  starts_at: "2026-03-02T20:00:00+08:00",
  duration_h: 12,
  people: 60,
  building: {},
  day_carers: 6,
  night_carers: 2,
  target_bedside_s: 180,
};
const RUN: RunDetail = {
  id: "7d1f0a52-0000-4000-8000-0000000000c1",
  simulated: true,
  state: "running",
  wanted: { scenario: "busy-night", seed: 7, speed: 600, carers: null, building: null, what_if: null },
  asked_at: "2026-03-01T18:15:00.000Z",
  asked_by: "周敏",
  started_at: null,
  ended_at: null,
  note: null,
  cast: null,
  result: null,
};
const OTHER = { ...RUN, id: "7d1f0a52-0000-4000-8000-0000000000c2", state: "done" as const };
const RUNS = "/api/v1/simulations";

// Machines that build are shared: a page loaded on demand may take its time.
configure({ asyncUtilTimeout: 15_000 });

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/session", () =>
    json({ ...ME, role: "operator", permissions: ["devices_manage", "simulation_run", "own_account"] }),
  );
  hub.answers.set(`GET ${RUNS}/scenarios`, () => json({ scenarios: [SCENARIO] }));
  hub.answers.set(`GET ${RUNS}`, () => json({ runs: [RUN, OTHER] }));
  hub.answers.set(`POST ${RUNS}`, () => json(RUN));
  hub.answers.set(`POST ${RUNS}/${RUN.id}/stop`, () => json(RUN));
});

function open(query = ""): void {
  renderAt(`/operator/simulator${query}`, <OperatorArea />, "/operator/*");
}

it("starts a drill on the real floor from the same page, marked as one, for who reads no records", async () => {
  const ELDER = "00000000-0000-4000-8000-0000000000e1";
  hub.answers.set("GET /api/v1/session", () =>
    json({ ...ME, role: "operator", permissions: ["devices_manage", "simulation_run", "drills_run", "coverage_read", "own_account"] }),
  );
  hub.answers.set("GET /api/v1/coverage", () =>
    json({
      server_time: "2026-03-01T18:15:00.000Z",
      elders: [{ elder_id: ELDER, elder_name: "王秀兰", place: "2 楼 203-1 床", state: "protected", since: null, cause: null, gateway: null, lacking: [], silent: [], origin: "live" }],
    }),
  );
  hub.answers.set("POST /api/v1/duty/drills", () => json({ drills: [] }));
  open();
  const drill = await screen.findByTestId("sim-drill");
  expect(drill).toHaveTextContent("演练 · 真实楼层");
  await userEvent.click(within(drill).getByTestId("sim-drill-open"));
  await within(drill).findByRole("option", { name: /王秀兰/ });
  await userEvent.selectOptions(within(drill).getByTestId("sim-drill-elder"), ELDER);
  await userEvent.click(within(drill).getByRole("button", { name: "开始演练" }));
  await waitFor(() =>
    expect(hub.calls.find(({ method }) => method === "POST")).toMatchObject({
      path: "/api/v1/duty/drills",
      body: { elder_id: ELDER, code: "fall_confirmed", announced: true },
    }),
  );
});

it("one press runs a night, which is then watched bed by bed to its scorecard", async () => {
  open();
  const form = await screen.findByTestId("sim-run");
  await userEvent.click(within(form).getByRole("button", { name: "开始" }));
  expect(hub.called("POST", RUNS)).toEqual([
    { scenario: "busy-night", seed: 1, speed: 600, building: null, carers: null, what_if: null },
  ]);
  await screen.findByTestId("sim-run-view");
  expect(hub.stream.url).toBe(`${RUNS}/${RUN.id}/live`);
  act(() => {
    hub.stream.says("run" as never, RUN);
    hub.stream.says("frame" as never, CAST, 1);
    hub.stream.says(
      "frame" as never,
      { kind: "tick", at_s: 3600, beds: [[0, "in_bed"], [1, "alert"]], alerts: [ALERT], staff: [{ carer: 1, doing: "going", bed: 1 }], readings: 10, silent: 0 },
      2,
    ); // prettier-ignore
  });
  const bed = await screen.findByLabelText("102-1 · 报警 · 跌倒");
  expect(bed.closest("[data-state]")).toHaveAttribute("data-state", "alert");
  expect(screen.getByText("正赶往 102-1")).toBeInTheDocument();
  expect(screen.getByTestId("sim-figures")).toHaveTextContent("21:00");
  expect(screen.getAllByText(/这里没有真人/).length).toBeGreaterThan(0);

  act(() => {
    hub.stream.says("frame" as never, CARD, 3);
    hub.stream.says("run" as never, { ...RUN, state: "done" });
    hub.stream.says("over" as never, {});
  });
  expect(await screen.findByTestId("sim-scorecard")).toHaveTextContent("2 / 3");
  expect(screen.getByRole("link", { name: "CSV" })).toHaveAttribute(
    "href",
    `${RUNS}/${RUN.id}/export?format=csv`,
  );
});

it("stops a run, and says when the line is lost", async () => {
  open(`?run=${RUN.id}`);
  await screen.findByTestId("sim-run-view");
  act(() => hub.stream.says("run" as never, RUN));
  await userEvent.click(await screen.findByTestId("sim-stop"));
  await waitFor(() => expect(hub.called("POST", `${RUNS}/${RUN.id}/stop`)).toHaveLength(1));
  act(() => hub.stream.onerror?.());
  expect(await screen.findByText(/连接中断/)).toBeInTheDocument();
});

it("a what-if names what is wrong with its numbers, and draws intervals", async () => {
  open();
  await userEvent.click(await screen.findByTestId("sim-what-if-open"));
  const form = screen.getByTestId("sim-what-if");
  const compared = within(form).getByTestId("sim-compared");
  await userEvent.clear(compared);
  await userEvent.type(compared, "1,x");
  await userEvent.click(within(form).getByRole("button", { name: "开始" }));
  expect(await within(form).findByRole("alert")).toHaveTextContent("人数要写成 1,2,3 这样");
  expect(hub.called("POST", RUNS)).toEqual([]);
  await userEvent.clear(compared);
  await userEvent.type(compared, "1,2");
  await userEvent.click(within(form).getByRole("button", { name: "开始" }));
  await screen.findByTestId("sim-run-view");
  const outcome = (carers: number, p95: number) => ({
    carers, calls: 9, median_s: { value: 60, low: 50, high: 70 }, p95_s: { value: p95, low: p95 - 20, high: p95 + 20 },
    missed_target: { value: 0.2, low: 0.1, high: 0.3 }, busy: { value: 0.5, low: 0.4, high: 0.6 },
    rounds_late: { value: null, low: null, high: null }, times: [3, 4, 2],
  }); // prettier-ignore
  act(() =>
    hub.stream.says(
      "frame" as never,
      { kind: "outcomes", seeds: 40, target_s: 180, bin_s: 30, outcomes: [outcome(1, 400), outcome(2, 200)] },
      1,
    ),
  );
  expect(await screen.findByText("400 s（380–420）")).toBeInTheDocument();
  expect(screen.getByTestId("sim-plot").querySelectorAll(".sim-whisker")).toHaveLength(2);
});

it("lays two runs side by side", async () => {
  const done = { ...RUN, state: "done" as const, cast: CAST, result: CARD };
  const better = { ...CARD, bedside: { ...CARD.bedside, p95_s: 150 } };
  hub.answers.set(`GET ${RUNS}/${RUN.id}`, () => json(done));
  hub.answers.set(`GET ${RUNS}/${OTHER.id}`, () => json({ ...done, id: OTHER.id, result: better }));
  open(`?run=${RUN.id}`);
  await userEvent.click(await screen.findByRole("button", { name: "与打开的比较" }));
  const row = within(await screen.findByTestId("sim-compare")).getByRole("row", { name: /到床边 95%/ });
  expect(row).toHaveTextContent("200 s");
  expect(row).toHaveTextContent("150 s");
  expect(row).toHaveTextContent("-50");
});

it("a refused order says why", async () => {
  hub.answers.set(`POST ${RUNS}`, () => problem(409, "too_many_runs", { detail: "3 runs are under way" }));
  open();
  const form = await screen.findByTestId("sim-run");
  await userEvent.click(within(form).getByRole("button", { name: "开始" }));
  expect(await within(form).findByRole("alert")).toHaveTextContent("3 runs are under way");
});
