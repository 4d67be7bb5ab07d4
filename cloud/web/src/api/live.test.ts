import { beforeEach, describe, expect, it } from "vitest";

import {
  ATTEMPT_LIMIT_MS,
  type LiveEventName,
  type LiveMessage,
  type LiveState,
  LiveStream,
  REOPEN_MS,
  SILENCE_LIMIT_MS,
  type Source,
  TICK_MS,
} from "./live";

class FakeSource implements Source {
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (message: LiveMessage) => void>();

  constructor(readonly url: string) {}

  addEventListener(name: string, listener: (message: LiveMessage) => void): void {
    this.listeners.set(name, listener);
  }
  close(): void {
    this.closed = true;
    this.readyState = 2;
  }
  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  fails(readyState: number): void {
    this.readyState = readyState;
    this.onerror?.();
  }
  says(name: LiveEventName, data: string, lastEventId = ""): void {
    this.listeners.get(name)?.({ data, lastEventId });
  }
}

describe("LiveStream", () => {
  let now: number;
  let sources: FakeSource[];
  let events: [LiveEventName, unknown, number | null][];
  let states: [LiveState, boolean][];
  let stream: LiveStream;

  const latest = (): FakeSource => {
    const source = sources.at(-1);
    if (source === undefined) throw new Error("nothing was opened");
    return source;
  };
  const wait = (ms: number): void => {
    for (const until = now + ms; now < until; ) {
      now += TICK_MS;
      stream.tick();
    }
  };

  beforeEach(() => {
    now = 1_000_000;
    sources = [];
    events = [];
    states = [];
    stream = new LiveStream(
      41,
      {
        onEvent: (...event) => events.push(event),
        onState: (...state) => states.push(state),
      },
      (url) => {
        const source = new FakeSource(url);
        sources.push(source);
        return source;
      },
      () => now,
    );
  });

  it("starts after the list's position and counts as connected only once something was heard", () => {
    expect(latest().url).toBe("/api/v1/live?after=41");
    expect(stream.state.kind).toBe("connecting");
    latest().opens();
    expect(stream.state.kind).toBe("connected");
  });

  it("is lost after 15 s of silence, although the socket says it is open", () => {
    latest().opens();
    const heardMs = now;
    wait(SILENCE_LIMIT_MS - TICK_MS);
    expect(stream.state.kind).toBe("connected");
    wait(TICK_MS);
    expect(stream.state).toEqual({ kind: "lost", sinceMs: heardMs });
  });

  it("stays connected as long as pings come", () => {
    latest().opens();
    for (let k = 0; k < 12; k += 1) {
      wait(5_000);
      latest().says("ping", "{}");
    }
    expect(stream.state.kind).toBe("connected");
    expect(sources).toHaveLength(1);
  });

  it("is lost, not connecting, when the first connection never brings anything", () => {
    wait(SILENCE_LIMIT_MS);
    expect(stream.state.kind).toBe("lost");
  });

  it("opens a new connection from the last position when the server has closed it", () => {
    latest().opens();
    latest().says("alert", "{}", "57");
    latest().fails(2);
    expect(stream.state.kind).toBe("reconnecting");
    wait(REOPEN_MS);
    expect(sources).toHaveLength(2);
    expect(latest().url).toBe("/api/v1/live?after=57");
    latest().opens();
    expect(states.at(-1)).toEqual([{ kind: "connected", sinceMs: now }, true]);
  });

  it("leaves the browser's own retry alone at first, and replaces it when it hangs", () => {
    latest().opens();
    latest().fails(0);
    wait(ATTEMPT_LIMIT_MS - TICK_MS);
    expect(sources).toHaveLength(1);
    wait(TICK_MS);
    expect(sources).toHaveLength(2);
    expect(sources[0]?.closed).toBe(true);
  });

  it("goes on trying for as long as it takes", () => {
    latest().opens();
    latest().fails(2);
    for (let k = 0; k < 20; k += 1) {
      wait(REOPEN_MS);
      latest().fails(2);
    }
    expect(stream.state.kind).toBe("lost");
    expect(sources.length).toBeGreaterThan(15);
  });

  it("ignores what an abandoned connection still says", () => {
    const old = latest();
    old.opens();
    old.fails(0);
    wait(ATTEMPT_LIMIT_MS);
    old.says("alert", "{}", "99");
    expect(events).toHaveLength(0);
    expect(stream.state.kind).toBe("reconnecting");
  });

  it("takes the position of a reset, also when it is lower", () => {
    latest().opens();
    latest().says("reset", '{"position":3}', "3");
    expect(events).toEqual([["reset", { position: 3 }, 3]]);
    latest().fails(2);
    wait(REOPEN_MS);
    expect(latest().url).toBe("/api/v1/live?after=3");
  });

  it("asks for a reload when an event cannot be read", () => {
    latest().opens();
    latest().says("alert", "{broken", "58");
    expect(events).toEqual([["reset", null, 58]]);
  });

  it("does not take a clock that was set back for a fresh message", () => {
    latest().opens();
    now -= 3_600_000;
    stream.tick();
    wait(SILENCE_LIMIT_MS);
    expect(stream.state.kind).toBe("lost");
  });

  it("closes its connection at the end", () => {
    stream.close();
    expect(latest().closed).toBe(true);
  });
});
