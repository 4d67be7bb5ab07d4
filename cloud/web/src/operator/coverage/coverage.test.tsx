import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import type { ElderCoverage } from "../../api/types";
import { FakeHub, json, ME, problem, renderAt } from "../../testing/fakeHub";
import OperatorArea from "..";
import { mapOf } from "./map";

const WORDS = { state: () => "跌倒监测", homes: "家庭床位", nowhere: "没有床位" };

function seen(number: number, changes: Partial<ElderCoverage>): ElderCoverage {
  return {
    elder_id: `00000000-0000-4000-8000-00000000000${number}`, elder_name: `试用${number}`, place: null,
    state: "protected", since: null, cause: null, gateway: null, lacking: [], silent: [], origin: "live", ...changes,
  }; // prettier-ignore
}

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
  hub.answers.set("GET /api/v1/session", () => json({ ...ME, role: "operator", permissions: ["own_account", "devices_manage", "coverage_read", "status_read"] }));
});

it("puts each person where they live, and nobody without devices is well", () => {
  const units = mapOf(
    [
      seen(1, { place: "2 楼 护理一区 203-1 床", state: "blind" }),
      seen(2, { place: "2 楼 护理一区 203-2 床" }),
      seen(3, { place: "张家 卧室", state: "degraded" }),
      seen(4, { cause: "no_devices", state: "blind" }),
    ],
    WORDS,
  );
  expect(units.map(({ name }) => name)).toEqual(["2 楼 护理一区", "家庭床位", "没有床位"]);
  expect(units[0]?.rooms).toEqual([
    expect.objectContaining({
      name: "203",
      beds: [
        expect.objectContaining({ label: "203-1", state: "blind", detail: "跌倒监测" }),
        expect.objectContaining({ label: "203-2", state: "watched", detail: undefined }),
      ],
    }),
  ]);
  expect(units[1]?.rooms[0]?.beds[0]?.state).toBe("degraded");
  expect(units[2]?.rooms[0]?.beds[0]?.state).toBe("unknown");
});

it("tells the operator where the hub is blind, by which device and since when", async () => {
  hub.answers.set("GET /api/v1/coverage", () =>
    json({
      server_time: "2026-03-01T18:15:00.000Z",
      elders: [
        seen(1, {
          place: "2 楼 护理一区 203-1 床", state: "blind",
          lacking: [{ capability: "fall", level: "lost", since: "2026-03-01T17:00:00.000Z" }],
          silent: [{ device_id: "radar-7", role: "radar", room: "卫生间", since: "2026-03-01T17:00:00.000Z", cause: "battery" }],
        }), // prettier-ignore
      ],
    }),
  );
  renderAt("/operator/coverage", <OperatorArea />, "/operator/*");
  const bed = await screen.findByTestId("floor-bed");
  expect(bed).toHaveAttribute("data-state", "blind");
  await userEvent.click(within(bed).getByRole("button"));
  const detail = await screen.findByTestId("coverage-detail");
  expect(detail).toHaveTextContent("跌倒监测全部失效");
  expect(detail).toHaveTextContent("radar-7");
  expect(detail).toHaveTextContent("电量耗尽");
});

it("does not let an old picture pass for a good one", async () => {
  hub.answers.set("GET /api/v1/coverage", () => problem(500, "internal"));
  renderAt("/operator/coverage", <OperatorArea />, "/operator/*");
  expect(await screen.findByText(/不能当作正常/)).toBeInTheDocument();
});
