import { screen } from "@testing-library/react";
import { expect, it } from "vitest";

import type { ElderCoverage } from "../api/types";
import { FakeHub, problem, renderAt } from "../testing/fakeHub";
import { CoverageStrip } from "./CoverageStrip";

const SINCE = "2026-03-01T18:10:00.000Z";

const anElder = (changes: Partial<ElderCoverage>): ElderCoverage => ({
  elder_id: "7d1f0a52-0000-4000-8000-0000000000e1",
  elder_name: "王秀兰",
  place: "2 楼 护理一区 201-1 床",
  state: "protected",
  since: null,
  cause: null,
  gateway: "网关-1",
  lacking: [],
  silent: [],
  origin: "live",
  ...changes,
});

it("says who is not seen, what is missing and since when", async () => {
  const hub = new FakeHub();
  hub.coverage.elders = [
    anElder({ state: "blind", cause: "gateway_offline", since: SINCE }),
    anElder({
      elder_id: "7d1f0a52-0000-4000-8000-0000000000e2",
      elder_name: "李国强",
      state: "degraded",
      since: SINCE,
      lacking: [{ capability: "inactivity", level: "partial", since: SINCE }],
      silent: [{ device_id: "pir-2", role: "motion", room: "厨房", since: SINCE, cause: "battery" }],
    }),
  ];
  renderAt("/duty", <CoverageStrip />);
  const [blind, degraded] = await screen.findAllByTestId("coverage-person");
  expect(blind).toHaveTextContent("失去监测");
  expect(blind).toHaveTextContent("网关失联");
  expect(degraded).toHaveTextContent("活动监测不完整");
  expect(degraded).toHaveTextContent("厨房 人体感应: 电量耗尽");
  expect(screen.getByTestId("coverage-strip")).toHaveAttribute("data-state", "blind");
});

it("never looks well when it cannot be asked", async () => {
  const hub = new FakeHub();
  hub.answers.set("GET /api/v1/coverage", () => problem(503, "busy"));
  renderAt("/duty", <CoverageStrip />);
  expect(await screen.findByText(/不能当作正常/)).toBeInTheDocument();
  expect(screen.getByTestId("coverage-strip")).toHaveAttribute("data-state", "unknown");
});
