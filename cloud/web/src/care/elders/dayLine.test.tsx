import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import { addTexts } from "../../i18n";
import { FakeHub, json, renderAt } from "../../testing/fakeHub";
import { type Day, entriesOf, linesOf, momentOf, shifted, zoomed } from "./dayLine";
import { DayLine } from "./DayLine";
import * as texts from "./dayTexts";

addTexts("day", texts);

// What draws on a canvas is not here; that the page tells it is seen in a browser (tests/journeys).
vi.mock("uplot", () => ({
  default: class {
    setScale(): void {
      // nothing to draw on
    }
    setSize(): void {
      // nothing to draw on
    }
    destroy(): void {
      // nothing to draw on
    }
  },
}));

const at = (clock: string) => `2026-03-01T${clock}:00.000+08:00`;
const span = (from: string, until: string) => ({ from_at: at(from), until_at: at(until) });
const minutes = (clock: string, count: number) =>
  Array.from({ length: count }, (_, index) => Date.parse(at(clock)) + index * 60_000);

const aDay = (changes: Partial<Day> = {}): Day => ({
  elder_id: "7d1f0a52-0000-4000-8000-0000000000e1",
  day: "2026-03-01",
  from_at: "2026-03-01T00:00:00.000+08:00",
  until_at: "2026-03-02T00:00:00.000+08:00",
  server_time: at("10:00"),
  slot_s: 0,
  simulated: false,
  bed: [
    { ...span("00:00", "03:00"), state: "in_bed" },
    { ...span("03:00", "05:00"), state: "unseen" },
    { ...span("05:00", "10:00"), state: "up" },
  ],
  totals: { in_bed_min: 180, up_min: 300, out_min: 0, unseen_min: 120, up_times: 1 },
  rooms: [{ room: "卫生间", shared: true, active: [span("06:00", "06:10")], unseen: [] }],
  vitals: [
    {
      quantity: "heart_rate", unit: "1/min", label_zh: "心率",
      at_ms: [...minutes("01:00", 60), ...minutes("09:00", 10)],
      low: Array<number>(70).fill(58), mean: Array<number>(70).fill(60), high: Array<number>(70).fill(63),
      unseen: [span("02:00", "05:00")],
    },
  ],
  not_worn: [],
  blind: [span("03:00", "05:00")],
  holes: [{ ...span("03:00", "05:00"), device_id: null, cause: "source_down" }],
  alerts: [
    {
      id: "7d1f0a52-0000-4000-8000-0000000000a1", code: "sos", name_zh: "紧急呼叫", name_en: "Emergency call",
      priority: "high", state: "closed", origin: "live", happened_at: at("06:05"), acknowledged_at: at("06:06"),
      arrived_at: at("06:08"), ended_at: at("06:20"), finding: "real",
    },
  ],
  changes: [{ at: at("08:00"), device_id: "mat-9", label: "床垫 9", what: "given" }],
  pauses: [],
  ...changes,
}); // prettier-ignore

it("breaks a line in every hole, and never draws across one", () => {
  const { timeS, values } = linesOf(aDay());
  const [heart = []] = values;
  const known = heart.flatMap((value, index) => (typeof value === "number" ? [index] : []));
  const before = known.filter((index) => (timeS[index] ?? 0) * 1000 < Date.parse(at("02:00"))).at(-1) ?? 0;
  const after = known.find((index) => (timeS[index] ?? 0) * 1000 >= Date.parse(at("09:00"))) ?? 0;
  expect(heart.slice(before + 1, after)).toContain(null);
});

it("tells what is known of a moment, and that the rest is not", () => {
  const day = aDay();
  expect(momentOf(day, Date.parse(at("01:30")))).toMatchObject({ bed: "in_bed", blind: false, vitals: [{ value: 60 }] });
  expect(momentOf(day, Date.parse(at("04:00")))).toMatchObject({ bed: "unseen", blind: true, vitals: [] });
  expect(momentOf(day, Date.parse(at("06:06"))).alerts).toHaveLength(1);
  expect(momentOf(day, Date.parse(at("12:00"))).future).toBe(true);
});

it("lists everything by time", () => {
  const kinds = entriesOf(aDay()).map(({ kind }) => kind);
  expect(kinds).toEqual(["bed", "bed", "blind", "hole", "bed", "room", "alert", "change"]);
});

it("zooms around a moment and stays within the day", () => {
  const whole = [0, 1000 * 60_000] as const;
  const [from, until] = zoomed(whole, whole, 500 * 60_000, 0.5);
  expect([from, until]).toEqual([250 * 60_000, 750 * 60_000]);
  expect(zoomed([0, 6 * 60_000], whole, 0, 0.1)).toEqual([0, 5 * 60_000]);
  expect(zoomed([from, until], whole, 0, 100)).toEqual([0, 1000 * 60_000]);
  expect(shifted([from, until], whole, 1e9)).toEqual([500 * 60_000, 1000 * 60_000]);
});

it("says unseen where nobody could see, by keys and in the list", async () => {
  const hub = new FakeHub();
  const day = aDay();
  const path = `/api/v1/elders/${day.elder_id}/day`;
  hub.answers.set(`GET ${path}`, () => json(day));
  renderAt("/care", <DayLine id={day.elder_id} />);
  expect(await screen.findByTestId("day-totals")).toHaveTextContent("在床 3 小时 0 分，起身 1 次 · 其中 2 小时 0 分 看不见");
  const axis = screen.getByRole("slider", { name: "时间轴：2026-03-01" });
  expect(axis).toHaveAttribute("data-range", "00:00-00:00");
  axis.focus();
  await userEvent.keyboard("{Home}{ArrowRight>7/}");
  expect(axis).toHaveAttribute("aria-valuetext", "03:30 · 看不见：没有任何设备能看到");
  await userEvent.keyboard("+");
  expect(axis.getAttribute("data-range")).not.toBe("00:00-00:00");
  await userEvent.keyboard("0");
  expect(axis).toHaveAttribute("data-range", "00:00-00:00");
  const list = screen.getByTestId<HTMLDetailsElement>("day-list");
  await userEvent.click(screen.getByText("用文字看这一天"));
  if (!list.open) list.open = true; // jsdom does not open it by the click
  expect(await screen.findByText("多个设备：网关收不到信号，看不见")).toBeInTheDocument();
  expect(screen.getByText("卫生间有活动（同住，不一定是本人）")).toBeInTheDocument();
});

it("says that nothing watches the bed, instead of nothing", async () => {
  const hub = new FakeHub();
  const day = aDay({ bed: null, totals: null, rooms: [], vitals: [], blind: [] });
  hub.answers.set(`GET /api/v1/elders/${day.elder_id}/day`, () => json(day));
  renderAt("/care", <DayLine id={day.elder_id} />);
  expect(await screen.findByTestId("day-totals")).toHaveTextContent("没有床位传感器：看不到是否在床");
  expect(screen.getByText(/没有设备，看不到/)).toBeInTheDocument();
});
