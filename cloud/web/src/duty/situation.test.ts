import { describe, expect, it } from "vitest";

import type { LiveKind } from "../api/live";
import { aDevice, aGateway, aStatus } from "../testing/samples";
import { assess, type Knowledge, lastDataAt, unheardElders } from "./situation";

const good: Knowledge = {
  live: { kind: "connected", sinceMs: 0 },
  alerts: [],
  listFailed: false,
  status: aStatus(),
};

describe("assess", () => {
  it("is calm when everything is known and heard", () => {
    expect(assess(good)).toMatchObject({ calm: true, sighted: true, screenBlind: false });
  });

  const live = (kind: LiveKind) => ({ live: { kind, sinceMs: 0 } });
  it.each<[string, Partial<Knowledge>]>([
    ["the stream is lost", live("lost")],
    ["the stream is reconnecting", live("reconnecting")],
    ["the stream never came", live("connecting")],
    ["the list is not loaded", { alerts: null }],
    ["the list failed", { listFailed: true }],
    ["the status is unknown", { status: null }],
    ["there is no gateway", { status: aStatus({ gateways: [] }) }],
    ["a gateway is offline", { status: aStatus({ gateways: [aGateway({ state: "offline" })] }) }],
    ["a gateway never came", { status: aStatus({ gateways: [aGateway({ state: "never" })] }) }],
    [
      "one of two gateways is offline",
      { status: aStatus({ gateways: [aGateway(), aGateway({ state: "offline" })] }) },
    ],
  ])("is neither calm nor sighted when %s", (_what, changes) => {
    expect(assess({ ...good, ...changes })).toMatchObject({ calm: false, sighted: false });
  });

  it("is not calm when an elder is not heard of, though the way is whole", () => {
    const devices = { assigned: 1, silent: 1, devices: [aDevice("王秀兰", { silent: true })] };
    const situation = assess({ ...good, status: aStatus({ devices }) });
    expect(situation).toMatchObject({ calm: false, sighted: true });
    expect(situation.unheard).toEqual([{ name: "王秀兰", place: "2 楼 护理一区 201-1 床" }]);
  });

  it("is not calm before any device is assigned", () => {
    const status = aStatus({ devices: { assigned: 0, silent: 0, devices: [] } });
    expect(assess({ ...good, status })).toMatchObject({ calm: false, nobodyHeard: false });
  });

  it("counts every elder as unheard the moment all gateways are down", () => {
    const status = aStatus({ gateways: [aGateway({ state: "offline" })] });
    expect(assess({ ...good, status }).unheard).toHaveLength(2);
  });
});

describe("unheardElders", () => {
  it("hears an elder through any one of several devices", () => {
    const devices = [aDevice("王秀兰", { silent: true }), aDevice("王秀兰")];
    expect(unheardElders(devices, false)).toEqual([]);
    expect(unheardElders([...devices].reverse(), false)).toEqual([]);
  });

  it("does not count devices of a room", () => {
    expect(unheardElders([aDevice("x", { elder_name: null, silent: true })], false)).toEqual([]);
  });

  it("tells two elders of one name apart by their beds", () => {
    const devices = [aDevice("王芳", { silent: true, place: "1" }), aDevice("王芳", { place: "2" })];
    expect(unheardElders(devices, false)).toEqual([{ name: "王芳", place: "1" }]);
  });
});

describe("lastDataAt", () => {
  it("is the latest of all devices, or nothing", () => {
    const devices = [
      aDevice("a", { last_data_at: "2026-03-01T18:00:00.000Z" }),
      aDevice("b", { last_data_at: "2026-03-01T18:09:00.000Z" }),
      aDevice("c", { last_data_at: null }),
    ];
    const status = aStatus({ devices: { assigned: 3, silent: 1, devices } });
    expect(lastDataAt(status)).toBe("2026-03-01T18:09:00.000Z");
    expect(lastDataAt(aStatus({ devices: { assigned: 0, silent: 0, devices: [] } }))).toBeNull();
  });
});
