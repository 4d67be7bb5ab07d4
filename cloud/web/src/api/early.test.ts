import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { FakeHub, json } from "../testing/fakeHub";
import { api } from "./client";

const LIST = { position: 7, server_time: "2026-03-01T18:15:00.000Z", alerts: [] };

let hub: FakeHub;
beforeEach(() => {
  hub = new FakeHub();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it("an answer that was asked for early is taken once; then the hub is asked", async () => {
  vi.stubGlobal("yuyueEarly", new Map([["/api/v1/alerts?view=open", Promise.resolve(json(LIST))]]));
  vi.spyOn(performance, "now").mockReturnValue(1500);
  expect((await api.alerts("open")).position).toBe(7);
  expect(hub.called("GET", "/api/v1/alerts")).toHaveLength(0);
  await api.alerts("open");
  expect(hub.called("GET", "/api/v1/alerts")).toHaveLength(1);
});

it("an answer from long ago is not taken for one of now", async () => {
  vi.stubGlobal("yuyueEarly", new Map([["/api/v1/alerts?view=open", Promise.resolve(json(LIST))]]));
  vi.spyOn(performance, "now").mockReturnValue(11_000);
  await api.alerts("open");
  expect(hub.called("GET", "/api/v1/alerts")).toHaveLength(1);
});

it("an early answer that failed is the call's failure, to be tried again as any", async () => {
  const failed = Promise.reject(new TypeError("no network"));
  failed.catch(() => undefined);
  vi.stubGlobal("yuyueEarly", new Map([["/api/v1/alerts?view=open", failed]]));
  vi.spyOn(performance, "now").mockReturnValue(1500);
  await expect(api.alerts("open")).rejects.toThrow();
  await expect(api.alerts("open")).resolves.toBeDefined();
});
