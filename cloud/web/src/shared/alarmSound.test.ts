import { beforeEach, describe, expect, it } from "vitest";

import { AlarmSound, decide, PATTERNS, render, type Ring, ringKey } from "./alarmSound";

const high: Ring = { id: "a", pattern: "high" };
const medium: Ring = { id: "b", pattern: "medium" };
const low: Ring = { id: "c", pattern: "low" };
const blind: Ring = { id: "blind", pattern: "technical" };
const heardOf = (...rings: Ring[]) => new Set(rings.map(ringKey));

describe("decide", () => {
  it.each([
    ["nothing asks", [], null],
    ["the most urgent wins", [low, medium, high], "high"],
    ["a blind screen is louder than a low alert", [low, blind], "technical"],
    ["but not than a medium one", [medium, blind], "medium"],
  ] as const)("%s", (_what, rings, pattern) => {
    expect(decide(rings, new Set(), null).pattern).toBe(pattern);
  });

  it("goes on when nothing is new", () => {
    expect(decide([high], heardOf(high), "high").restart).toBe(false);
  });

  it("sounds again for a new alert while another one rings", () => {
    expect(decide([high, medium], heardOf(high), "high")).toEqual({ pattern: "high", restart: true });
  });

  it("sounds again when an alert becomes more urgent", () => {
    const raised: Ring = { id: "b", pattern: "high" };
    expect(decide([raised], heardOf(medium), "medium")).toEqual({ pattern: "high", restart: true });
  });

  it("falls to the next when the loudest is answered", () => {
    expect(decide([medium], heardOf(high, medium), "high")).toEqual({
      pattern: "medium",
      restart: true,
    });
  });
});

describe("render", () => {
  const rateHz = 8_000;
  const rms = (samples: Float32Array) =>
    Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
  const sounding = (name: keyof typeof PATTERNS) =>
    render(PATTERNS[name], rateHz).filter((value) => Math.abs(value) > 1e-3);

  it.each(Object.keys(PATTERNS) as (keyof typeof PATTERNS)[])("%s neither clips nor is silent", (name) => {
    const samples = render(PATTERNS[name], rateHz);
    const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(peak).toBeLessThanOrEqual(1);
    expect(peak).toBeGreaterThan(0.1);
    expect(samples[0]).toBe(0);
  });

  it("is louder the more urgent it is", () => {
    expect(rms(sounding("high"))).toBeGreaterThan(rms(sounding("medium")));
    expect(rms(sounding("medium"))).toBeGreaterThan(rms(sounding("low")));
  });

  it("repeats high more often than medium, and low not at all", () => {
    expect(PATTERNS.high.periodS).toBeLessThan(PATTERNS.medium.periodS);
    expect(PATTERNS.medium.periodS).toBeGreaterThan(0);
    expect(PATTERNS.low.periodS).toBe(0);
  });
});

class FakeContext {
  state: "running" | "suspended" = "suspended";
  currentTime = 0;
  sampleRate = 8_000;
  destination = {};
  onstatechange: (() => void) | null = null;
  started: { loop: boolean; stopped: boolean; seconds: number }[] = [];
  mayStart = true;

  resume(): Promise<void> {
    if (this.mayStart) this.state = "running";
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  createBuffer(_channels: number, length: number): { length: number; copyToChannel: () => void } {
    return { length, copyToChannel: () => undefined };
  }
  createBufferSource() {
    const played = { loop: false, stopped: false, seconds: 0 };
    const { started, sampleRate } = this;
    return {
      set buffer(buffer: { length: number }) {
        played.seconds = buffer.length / sampleRate;
      },
      set loop(loop: boolean) {
        played.loop = loop;
      },
      connect: () => undefined,
      start: () => started.push(played),
      stop: () => {
        played.stopped = true;
      },
    };
  }
}

describe("AlarmSound", () => {
  let context: FakeContext;
  let sound: AlarmSound;
  const playing = () => context.started.filter(({ stopped, loop }) => loop && !stopped);
  const second = () => {
    context.currentTime += 1;
    sound.check();
  };

  beforeEach(() => {
    context = new FakeContext();
    sound = new AlarmSound(() => context as unknown as AudioContext);
  });

  it("is off until a person turns it on, and rings at once for what is open", async () => {
    sound.update([high]);
    expect(sound.state).toBe("off");
    expect(sound.ringing).toBe(false);
    await sound.enable();
    expect(sound.state).toBe("running");
    expect(playing()).toHaveLength(1);
  });

  it("plays the test tone when nothing rings", async () => {
    await sound.enable();
    expect(context.started).toHaveLength(1);
    expect(playing()).toHaveLength(0);
  });

  it("is silent as soon as everything is answered", async () => {
    await sound.enable();
    sound.update([high]);
    sound.update([]);
    expect(playing()).toHaveLength(0);
    expect(sound.ringing).toBe(false);
  });

  it("says that it has stopped when the browser refuses", async () => {
    context.mayStart = false;
    await sound.enable();
    expect(sound.state).toBe("stopped");
  });

  it("says that it has stopped when its clock stands still, whatever its state says", async () => {
    await sound.enable();
    second();
    expect(sound.state).toBe("running");
    sound.check();
    expect(sound.state).toBe("stopped");
  });

  it("rings again when it comes back with an alert open", async () => {
    await sound.enable();
    second();
    context.state = "suspended";
    second();
    expect(sound.state).toBe("stopped");
    sound.update([high]);
    expect(playing()).toHaveLength(0);
    await sound.enable();
    expect(playing()).toHaveLength(1);
  });

  it("says when the browser has no sound at all", () => {
    expect(new AlarmSound(null).state).toBe("unsupported");
  });
});
