import { describe, expect, it } from "vitest";

import { acknowledged, anAlert, resolved } from "../testing/samples";
import { HeardLog, withAlert } from "./board";

const older = anAlert({ id: "a", raised_at: "2026-03-01T18:00:00.000Z" });
const newer = anAlert({ id: "b", raised_at: "2026-03-01T18:10:00.000Z" });
const list = (position: number, ...alerts: ReturnType<typeof anAlert>[]) => ({
  position,
  server_time: "2026-03-01T18:15:00.000Z",
  alerts,
});

describe("withAlert", () => {
  it("puts the newest on top", () => {
    expect(withAlert([older], newer).map(({ id }) => id)).toEqual(["b", "a"]);
  });

  it("puts what happened long ago but arrived just now on top: it is new to the desk", () => {
    const late = anAlert({
      id: "c",
      happened_at: "2026-03-01T17:00:00.000Z",
      raised_at: "2026-03-01T18:20:00.000Z",
    });
    expect(withAlert([newer, older], late)[0]?.id).toBe("c");
  });

  it("replaces an alert by its newer state, in its place", () => {
    const after = withAlert([newer, older], { ...older, ...acknowledged("周敏") });
    expect(after.map(({ id, state }) => [id, state])).toEqual([
      ["b", "raised"],
      ["a", "acknowledged"],
    ]);
  });

  it("does not go back to an older state", () => {
    const done = { ...older, ...acknowledged("周敏") };
    expect(withAlert([done], older)).toEqual([done]);
  });

  it("removes a resolved alert", () => {
    expect(withAlert([older], { ...older, ...resolved("周敏") })).toEqual([]);
  });
});

describe("HeardLog", () => {
  it("keeps what was heard live while an older list was on its way", () => {
    const log = new HeardLog();
    log.add(12, newer);
    expect(log.reconcile(list(11, older)).alerts.map(({ id }) => id)).toEqual(["b", "a"]);
  });

  it("believes the list about everything before its position", () => {
    const log = new HeardLog();
    log.add(12, newer);
    expect(log.reconcile(list(12, older)).alerts.map(({ id }) => id)).toEqual(["a"]);
  });

  it("does not let a slow list undo an acknowledgement that the server has answered", () => {
    const log = new HeardLog();
    log.add(null, { ...older, ...acknowledged("周敏") });
    expect(log.reconcile(list(99, older)).alerts[0]?.state).toBe("acknowledged");
  });

  it("forgets when positions begin anew", () => {
    const log = new HeardLog();
    log.add(500, newer);
    log.clear();
    expect(log.reconcile(list(1, older)).alerts.map(({ id }) => id)).toEqual(["a"]);
  });
});
