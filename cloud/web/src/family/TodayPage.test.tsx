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

const anElder = (changes: Partial<FamilyElder> = {}): FamilyElder => ({
  elder_id: "7d1f0a52-0000-4000-8000-0000000000e1",
  name: "王秀兰",
  relationship: "女儿",
  mood: "calm",
  last_sign_at: SINCE,
  night: { morning: "2026-03-02", in_bed_min: 435, up_times: 2, unseen_min: 0 },
  coverage: { state: "protected", since: SINCE, cause: null, missing: [] },
  open_alert: false,
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
  expect(card).toHaveTextContent("在床约 7.3 小时，起身 2 次");
});

it("never says well of a blind elder, and says why and since when", async () => {
  const card = await shown(
    anElder({
      mood: "not_seen",
      coverage: { state: "blind", since: SINCE, cause: "gateway_offline", missing: [] },
    }),
  );
  expect(card).not.toHaveTextContent(WELL);
  expect(card).toHaveTextContent("目前看不到老人的情况");
  expect(card).toHaveTextContent("这不代表平安");
  expect(card).toHaveTextContent("家里或房间的网关失联");
  expect(within(card).getByTestId("family-coverage")).toHaveTextContent(/自 .+ 起/);
});

it("never says well of a blind elder who shares nothing", async () => {
  const card = await shown(
    anElder({
      mood: "not_seen",
      last_sign_at: null,
      night: null,
      open_alert: null,
      shares: [],
      coverage: { state: "blind", since: SINCE, cause: null, missing: [] },
    }),
  );
  expect(card).not.toHaveTextContent(WELL);
  expect(card).toHaveTextContent("原因没有分享");
  expect(card).not.toHaveTextContent("昨夜");
});

it("names what is missing of a degraded elder", async () => {
  const card = await shown(
    anElder({
      mood: "partly_seen",
      coverage: {
        state: "degraded",
        since: SINCE,
        cause: null,
        missing: [
          { what: "bed", level: "lost", since: SINCE },
          { what: "inactivity", level: "partial", since: SINCE },
        ],
      },
    }),
  );
  expect(card).not.toHaveTextContent(WELL);
  expect(card).toHaveTextContent("床位监测没有数据");
  expect(card).toHaveTextContent("活动监测不完整");
});

it("says that a night was partly unseen", async () => {
  const night = { morning: "2026-03-02", in_bed_min: 300, up_times: 1, unseen_min: 120 };
  const card = await shown(anElder({ night }));
  expect(within(card).getByTestId("family-night")).toHaveTextContent("约 120 分钟没有数据");
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
