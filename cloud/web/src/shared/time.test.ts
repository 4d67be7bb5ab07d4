import { describe, expect, it } from "vitest";

import { localNow, toIso } from "./forms";
import { clockTime, elapsed, exactTime, isNight, ServerClock, shortTime } from "./time";

describe("ServerClock", () => {
  it("takes the message with the least delay", () => {
    let local = 1_000_000;
    const clock = new ServerClock(() => local);
    expect(clock.isKnown).toBe(false);
    clock.heard(new Date(local + 60_000 - 40).toISOString()); // 40 ms on its way
    clock.heard(new Date(local + 60_000 - 900).toISOString()); // held up
    local += 5_000;
    expect(clock.nowMs()).toBe(local + 60_000 - 40);
  });

  it("forgets old messages, so that a clock set back is followed", () => {
    const clock = new ServerClock(() => 0);
    clock.heard(new Date(90_000).toISOString());
    for (let k = 0; k < 12; k += 1) clock.heard(new Date(10_000).toISOString());
    expect(clock.nowMs()).toBe(10_000);
  });

  it("ignores what is not a time", () => {
    const clock = new ServerClock(() => 7);
    clock.heard("soon");
    expect(clock.isKnown).toBe(false);
    expect(clock.nowMs()).toBe(7);
  });
});

describe("how times are written", () => {
  it.each([
    [0, "00:00"],
    [59_999, "00:59"],
    [61_000, "01:01"],
    [3_599_000, "59:59"],
    [3_600_000, "1:00:00"],
    [36_061_000, "10:01:01"],
    [-2_000, "00:00"],
  ])("%d ms have passed: %s", (ms, text) => {
    expect(elapsed(1_000, 1_000 + ms)).toBe(text);
  });

  it("is China's time on any screen", () => {
    expect(clockTime("2026-03-01T18:13:05.123Z")).toBe("02:13:05");
    expect(exactTime("2026-03-01T18:13:05.023Z")).toBe("02:13:05.023");
  });

  it("names the day when it is another one", () => {
    const now = Date.parse("2026-03-01T18:20:00Z"); // 02:20 on the 2nd
    expect(shortTime("2026-03-01T18:13:00Z", now)).toBe("02:13");
    expect(shortTime("2026-03-01T15:59:00Z", now)).toContain("23:59");
    expect(shortTime("2026-03-01T15:59:00Z", now)).not.toBe("23:59");
  });

  it.each([
    ["2026-03-01T11:00:00Z", true], // 19:00
    ["2026-03-01T10:59:00Z", false],
    ["2026-03-01T22:59:00Z", true], // 06:59
    ["2026-03-01T23:00:00Z", false],
    ["2026-03-01T16:00:00Z", true], // midnight
  ])("%s is night: %s", (time, night) => {
    expect(isNight(Date.parse(time))).toBe(night);
  });
});

describe("a field of date and time", () => {
  it("holds the time of the house, wherever the screen is", () => {
    // 23:30 UTC is the next morning in China: today's list there is of that day.
    const moment = Date.parse("2026-11-28T23:30:00Z");
    expect(localNow(moment)).toBe("2026-11-29T07:30");
    expect(toIso("2026-11-29T07:30")).toBe("2026-11-28T23:30:00.000Z");
    expect(toIso("2026-11-29")).toBe("2026-11-28T16:00:00.000Z");
  });
});
