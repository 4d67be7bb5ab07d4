/** The live stream as one screen hears it: a state that cannot lie, and events in order. */

/** Nothing for this long and the screen counts as blind (docs/wire.md, 3): three pings missed. */
export const SILENCE_LIMIT_MS = 15_000;
/** The server refused or the line is dead: pause between our own attempts. */
export const REOPEN_MS = 3_000;
/** An attempt that has brought nothing by then is given up for a new one. */
export const ATTEMPT_LIMIT_MS = 10_000;
/** How often `tick` wants to be called. */
export const TICK_MS = 1_000;

export type LiveKind = "connecting" | "connected" | "reconnecting" | "lost";

/** `sinceMs`: when this began; for `lost`, when something was last heard. */
export type LiveState = { kind: LiveKind; sinceMs: number };

export type LiveEventName = "alert" | "status" | "coverage" | "ping" | "reset" | "end";
export const LIVE_EVENTS: readonly LiveEventName[] = [
  "alert", "status", "coverage", "ping", "reset", "end",
];

export type LiveMessage = { data: string; lastEventId: string };

/** What we need of an EventSource. */
export type Source = {
  readonly readyState: number;
  onopen: (() => void) | null;
  onerror: (() => void) | null;
  addEventListener(name: string, listener: (message: LiveMessage) => void): void;
  close(): void;
};

export type LiveHandlers = {
  onEvent(name: LiveEventName, data: unknown, position: number | null): void;
  /** `regained`: connected again after a break, so anything may have been missed. */
  onState(state: LiveState, regained: boolean): void;
};

const CLOSED = 2;

export class LiveStream {
  private source: Source | null = null;
  private position: number;
  private lastHeardMs: number;
  private attemptMs = 0;
  private connectedBefore = false;
  state: LiveState;

  constructor(
    after: number,
    private readonly handlers: LiveHandlers,
    private readonly open: (url: string) => Source,
    private readonly nowMs: () => number,
  ) {
    this.position = after;
    this.lastHeardMs = nowMs();
    this.state = { kind: "connecting", sinceMs: this.lastHeardMs };
    this.connect();
  }

  /** Look at the clock: call it every TICK_MS, and when the page becomes visible again. */
  tick(): void {
    const now = this.nowMs();
    // A clock that was set back must not make silence look short.
    if (now < this.lastHeardMs) this.lastHeardMs = now;
    if (now - this.lastHeardMs >= SILENCE_LIMIT_MS) this.become("lost", this.lastHeardMs);
    if (this.state.kind === "connected") return;
    const waitedMs = Math.abs(now - this.attemptMs);
    const dead = this.source === null || this.source.readyState === CLOSED;
    if (waitedMs >= (dead ? REOPEN_MS : ATTEMPT_LIMIT_MS)) this.connect();
  }

  /** The device says it is online again: try at once. */
  retryNow(): void {
    if (this.state.kind !== "connected") this.connect();
  }

  close(): void {
    this.drop();
  }

  private connect(): void {
    this.drop();
    this.attemptMs = this.nowMs();
    const source = this.open(`/api/v1/live?after=${this.position}`);
    this.source = source;
    source.onopen = () => this.heard();
    source.onerror = () => {
      if (this.source === source && this.state.kind === "connected") {
        this.become("reconnecting", this.nowMs());
        this.attemptMs = this.nowMs();
      }
    };
    for (const name of LIVE_EVENTS) {
      source.addEventListener(name, (message) => {
        if (this.source === source) this.take(name, message);
      });
    }
  }

  private take(name: LiveEventName, message: LiveMessage): void {
    this.heard();
    const position = name === "alert" || name === "coverage" || name === "reset" ? parsePosition(message.lastEventId) : null;
    let data: unknown;
    try {
      data = JSON.parse(message.data);
    } catch {
      // Not readable is not nothing: reload everything rather than miss an alert.
      this.handlers.onEvent("reset", null, position);
      return;
    }
    if (position !== null) {
      this.position = name === "reset" ? position : Math.max(this.position, position);
    }
    this.handlers.onEvent(name, data, position);
  }

  private heard(): void {
    this.lastHeardMs = this.nowMs();
    if (this.state.kind !== "connected") this.become("connected", this.lastHeardMs);
  }

  private become(kind: LiveKind, sinceMs: number): void {
    if (this.state.kind === kind) return;
    const regained = kind === "connected" && this.connectedBefore;
    if (kind === "connected") this.connectedBefore = true;
    this.state = { kind, sinceMs };
    this.handlers.onState(this.state, regained);
  }

  private drop(): void {
    if (this.source === null) return;
    this.source.onopen = null;
    this.source.onerror = null;
    this.source.close();
    this.source = null;
  }
}

function parsePosition(text: string): number | null {
  return /^\d+$/.test(text) ? Number(text) : null;
}
