/**
 * The audible alarm. Each pattern is rendered once into a buffer that the audio clock repeats by
 * itself: a browser slows the timers of a page in the background, never its sound.
 */
import type { Priority } from "../api/types";

export type SoundState = "off" | "running" | "stopped" | "unsupported";
export type Pattern = "high" | "medium" | "low" | "technical" | "test";

type Pulse = { atS: number; hz: number; lengthS: number };
type PatternSpec = { pulses: readonly Pulse[]; gain: number; periodS: number };

const row = (hz: readonly number[], stepS: number, lengthS: number, fromS = 0): Pulse[] =>
  hz.map((each, index) => ({ atS: fromS + index * stepS, hz: each, lengthS }));

// Shapes after the habit of medical alarms: high = ten quick pulses (3 + 2, twice), medium = three
// slower ones, low = two soft ones. Pitches of 500 to 1,000 Hz are where ageing speakers and ears
// still work, and overtones make them easy to find in a room.
const HIGH_BURST = [0, 0.19, 0.38, 0.76, 0.95];
export const PATTERNS: Record<Pattern, PatternSpec> = {
  high: {
    pulses: [0, 1.35].flatMap((from) =>
      HIGH_BURST.map((at, index) => ({
        atS: from + at,
        hz: [659, 784, 988, 784, 988][index] ?? 784,
        lengthS: 0.15,
      })),
    ),
    gain: 0.9,
    periodS: 4,
  },
  // A pulsed tone every 10 s is what nurse-call standards use.
  medium: { pulses: row([784, 659, 523], 0.3, 0.24), gain: 0.6, periodS: 10 },
  low: { pulses: row([523, 440], 0.35, 0.25), gain: 0.25, periodS: 0 },
  // The screen itself is blind: falling, unlike any call of a person.
  technical: { pulses: row([494, 392, 330], 0.45, 0.4), gain: 0.5, periodS: 20 },
  test: { pulses: row([523, 659, 784], 0.16, 0.14), gain: 0.5, periodS: 0 },
};

const OVERTONES = [1, 0.5, 0.3, 0.15];
const EDGE_S = 0.015;

/** The samples of one period of a pattern, mono, in -1..1. */
export function render(spec: PatternSpec, rateHz: number): Float32Array<ArrayBuffer> {
  const endS = Math.max(...spec.pulses.map((pulse) => pulse.atS + pulse.lengthS));
  const samples = new Float32Array(Math.ceil(Math.max(spec.periodS, endS) * rateHz));
  const norm = OVERTONES.reduce((sum, part) => sum + part, 0);
  for (const { atS, hz, lengthS } of spec.pulses) {
    const first = Math.round(atS * rateHz);
    const count = Math.round(lengthS * rateHz);
    for (let k = 0; k < count; k += 1) {
      const tS = k / rateHz;
      // Soft edges: without them every pulse clicks.
      const envelope = Math.min(1, tS / EDGE_S, (lengthS - tS) / EDGE_S);
      const wave = OVERTONES.reduce(
        (sum, part, index) => sum + part * Math.sin(2 * Math.PI * hz * (index + 1) * tS),
        0,
      );
      samples[first + k] = (spec.gain * envelope * wave) / norm;
    }
  }
  return samples;
}

/** What asks to be heard: an alert nobody has answered, or a blind screen. */
export type Ring = { id: string; pattern: Exclude<Pattern, "test"> };

export const patternOf = (priority: Priority): Ring["pattern"] | null =>
  priority === "info" ? null : priority;

/** What to do now: keep the tone, stop, or start one. Pure, so that it can be tested. */
export function decide(
  rings: readonly Ring[],
  heard: ReadonlySet<string>,
  playing: Ring["pattern"] | null,
): { pattern: Ring["pattern"] | null; restart: boolean } {
  // A blind screen is louder than a low alert: what it hides may be worse than what it shows.
  const order = ["high", "medium", "technical", "low"] as const;
  const pattern = order.find((each) => rings.some((ring) => ring.pattern === each)) ?? null;
  const isNew = rings.some((ring) => !heard.has(ringKey(ring)));
  return { pattern, restart: pattern !== null && (isNew || pattern !== playing) };
}

/** A raised priority is a new ring. */
export const ringKey = (ring: Ring): string => `${ring.id}/${ring.pattern}`;

export class AlarmSound {
  private context: AudioContext | null = null;
  private source: AudioBufferSourceNode | null = null;
  private playing: Ring["pattern"] | null = null;
  private rings: readonly Ring[] = [];
  private heard = new Set<string>();
  private checkedTimeS = -1;
  private wanted = false;
  private stateNow: SoundState;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly makeContext: (() => AudioContext) | null = browserContext()) {
    this.stateNow = makeContext === null ? "unsupported" : "off";
  }

  get state(): SoundState {
    return this.stateNow;
  }

  get ringing(): boolean {
    return this.stateNow === "running" && this.playing !== null;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Call it from a click or key: browsers allow sound only then. Plays the test tone. */
  async enable(): Promise<void> {
    if (this.makeContext === null) return;
    this.wanted = true;
    this.context ??= this.makeContext();
    this.context.onstatechange = () => this.check();
    try {
      await this.context.resume();
    } catch {
      // check() tells what came of it.
    }
    this.checkedTimeS = -1;
    this.check();
    if (this.playing === null) this.test();
  }

  /** Play the test tone once, if sound runs. */
  test(): void {
    if (this.stateNow === "running") this.play("test", false);
  }

  /** Set what asks to be heard now. */
  update(rings: readonly Ring[]): void {
    this.rings = rings;
    this.apply();
  }

  /** Is it really running? Called each second: a stopped clock means silence, whatever it says. */
  check(): void {
    const context = this.context;
    if (context === null || !this.wanted) return;
    const timeS = context.currentTime;
    const advancing = this.checkedTimeS < 0 || timeS > this.checkedTimeS;
    this.checkedTimeS = timeS;
    this.setState(context.state === "running" && advancing ? "running" : "stopped");
  }

  async close(): Promise<void> {
    this.stop();
    this.wanted = false;
    const context = this.context;
    this.context = null;
    this.setState(this.makeContext === null ? "unsupported" : "off");
    if (context !== null) {
      context.onstatechange = null;
      await context.close();
    }
  }

  private apply(): void {
    const { pattern, restart } = decide(this.rings, this.heard, this.playing);
    if (this.stateNow !== "running") return;
    this.heard = new Set(this.rings.map(ringKey));
    if (pattern === null) {
      this.stop();
    } else if (restart) {
      this.stop();
      this.playing = pattern;
      this.source = this.play(pattern, PATTERNS[pattern].periodS > 0);
    }
    this.tell();
  }

  private play(pattern: Pattern, loop: boolean): AudioBufferSourceNode | null {
    const context = this.context;
    if (context === null) return null;
    const samples = render(PATTERNS[pattern], context.sampleRate);
    const buffer = context.createBuffer(1, samples.length, context.sampleRate);
    buffer.copyToChannel(samples, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.loop = loop;
    source.connect(context.destination);
    source.start();
    return source;
  }

  private stop(): void {
    this.source?.stop();
    this.source = null;
    this.playing = null;
  }

  private setState(state: SoundState): void {
    if (state === this.stateNow) return;
    this.stateNow = state;
    if (state === "running") this.apply();
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function browserContext(): (() => AudioContext) | null {
  if (!("AudioContext" in globalThis)) return null;
  return () => new AudioContext({ latencyHint: "interactive" });
}
