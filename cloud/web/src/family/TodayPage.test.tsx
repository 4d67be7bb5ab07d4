import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { FamilyElder } from "../api/types";
import { addTexts } from "../i18n";
import { FakeHub, json, problem, renderAt } from "../testing/fakeHub";
import * as oversightTexts from "../shared/oversightTexts";
import * as texts from "./texts";
import TodayPage from "./TodayPage";

addTexts("family", texts);
addTexts("oversight", oversightTexts);

const SINCE = "2026-03-01T18:10:00.000Z";
const WELL = /一切平稳|平安无事|需要的监测都在工作/;

const aNight = (changes: Partial<NonNullable<FamilyElder["night"]>> = {}) => ({
  morning: "2026-03-02", watched: true, so_far: false, in_bed_min: 435, up_times: 2, out_min: 0, unseen_min: 0,
  text_zh: "昨夜在床约 7.25 小时，起身 2 次。", text_en: "In bed about 7.25 hours, up 2 times.", ...changes,
}); // prettier-ignore

const aCoverage = (changes: Partial<NonNullable<FamilyElder["coverage"]>> = {}) => ({
  state: "protected" as const, since: SINCE, cause: null, missing: [], staff: "listed" as const, staff_since: null,
  text_zh: "需要的监测都在工作。", text_en: "All monitoring that is needed works.", ...changes,
}); // prettier-ignore

const anElder = (changes: Partial<FamilyElder> = {}): FamilyElder => ({
  elder_id: "7d1f0a52-0000-4000-8000-0000000000e1",
  name: "王秀兰",
  relationship: "女儿",
  mood: "calm",
  last_sign_at: SINCE,
  night: aNight(),
  coverage: aCoverage(),
  open_alert: false,
  answers: {
    days: 7, count: 1, median_answered_s: 20, median_arrived_s: 120, text_zh: "有 1 次提醒，一般 20 秒应答。",
    text_en: "1 alert, usually answered after 20 s.",
    recent: [{ happened_at: SINCE, answered_s: 20, arrived_s: 120, text_zh: "跌倒：没有受伤。", text_en: "Fall: not hurt." }],
  },
  pause: null,
  notices: [{ at: SINCE, text: "护理员已在身边。", delivered: true }],
  rights: [
    { kind: "night", state: "seen", signer_name: "王秀兰", since: SINCE, until: null },
    { kind: "vitals", state: "not_allowed", signer_name: null, since: null, until: null },
  ],
  shares: ["alerts", "coverage", "night", "presence"],
  ...changes,
});

async function shown(elder: FamilyElder): Promise<HTMLElement> {
  const hub = new FakeHub();
  hub.answers.set("GET /api/v1/family", () => json({ server_time: SINCE, elders: [elder] }));
  renderAt("/family", <TodayPage />);
  return screen.findByTestId("family-card");
}

it("says calm only of somebody who is calm", async () => {
  const card = await shown(anElder());
  expect(card).toHaveAttribute("data-mood", "calm");
  expect(card).toHaveTextContent("一切平稳");
  expect(card).toHaveTextContent("昨夜在床约 7.25 小时，起身 2 次");
  expect(card).toHaveTextContent("一般 20 秒应答");
  expect(card).toHaveTextContent("跌倒：没有受伤");
});

const BLIND_WORDS = "从 02:10 起，我们看不见老人：房间或家里的网关失联。护理员已知道并在处理。";

it("never says well of a blind elder, and says why, since when, and that staff know", async () => {
  const blind = { state: "blind" as const, cause: "gateway_offline", staff: "acknowledged" as const, text_zh: BLIND_WORDS };
  const card = await shown(anElder({ mood: "not_seen", coverage: aCoverage(blind) }));
  expect(card).not.toHaveTextContent(WELL);
  expect(card).toHaveTextContent("目前看不到老人的情况");
  expect(card).toHaveTextContent("这不代表平安");
  expect(within(card).getByTestId("family-coverage")).toHaveTextContent(BLIND_WORDS);
});

it("never says well of a blind elder who shares nothing", async () => {
  const card = await shown(
    anElder({
      mood: "not_seen",
      last_sign_at: null,
      night: null,
      open_alert: null,
      answers: null,
      shares: [],
      coverage: aCoverage({ state: "blind", text_zh: "我们看不见老人。值班屏上已列出。" }),
    }),
  );
  expect(card).not.toHaveTextContent(WELL);
  expect(card).toHaveTextContent("原因没有分享");
  expect(card).not.toHaveTextContent("昨夜");
  expect(card).not.toHaveTextContent("应答");
});

it("says that a night was partly unseen, in the server's words", async () => {
  const card = await shown(anElder({ night: aNight({ unseen_min: 120, text_zh: "另有约 2 小时我们看不见。" }) }));
  const night = within(card).getByTestId("family-night");
  expect(night).toHaveAttribute("data-unseen", "true");
  expect(night).toHaveTextContent("约 2 小时我们看不见");
});

it("shows a pause, and hides its reason from who may not know it", async () => {
  const pause = { from_at: SINCE, until_at: SINCE, reason: null };
  const card = await shown(anElder({ pause }));
  expect(within(card).getByTestId("family-pause")).toHaveTextContent("日常监测暂停，原因没有分享");
});

it("tells what one may see and on whose consent", async () => {
  const card = await shown(anElder());
  const rights = within(card).getByTestId("family-rights");
  expect(rights).toHaveTextContent("夜间情况：可以看到。 王秀兰 于 2026-03-02 同意");
  expect(rights).toHaveTextContent("生命体征：机构没有为您开通。");
});

it("never looks well when it cannot be asked", async () => {
  const hub = new FakeHub();
  hub.answers.set("GET /api/v1/family", () => problem(503, "busy"));
  renderAt("/family", <TodayPage />);
  expect(await screen.findByTestId("family-failed")).toHaveTextContent("请不要把这个页面当作平安");
  expect(screen.queryByTestId("family-card")).toBeNull();
});

it("tells who looked at the record, once that is asked for", async () => {
  const hub = new FakeHub();
  const elder = anElder();
  hub.answers.set("GET /api/v1/family", () => json({ server_time: SINCE, elders: [elder] }));
  const where = `/api/v1/elders/${elder.elder_id}/looks`;
  hub.answers.set(`GET ${where}`, () =>
    json({
      looks: [{ at: SINCE, name: "周敏", role: "duty", action: "record.broke_glass", reason: "走廊里跌倒" }],
      next_cursor: null,
    }),
  );
  renderAt("/family", <TodayPage />);
  const summary = await screen.findByText("谁看过档案");
  expect(hub.called("GET", where)).toHaveLength(0);
  await userEvent.click(summary);
  const details = screen.getByTestId<HTMLDetailsElement>("family-looks");
  if (!details.open) details.open = true; // jsdom does not open it by the click
  expect(await screen.findByText(/周敏 · 紧急打开档案 · 走廊里跌倒/)).toBeInTheDocument();
});
