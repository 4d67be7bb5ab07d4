/** The waveform of an alert as the plot wants it. */
import type { AlertDetail, AlertEvent, Evidence } from "../api/types";

// What one looks at first: the fall itself and how the person lay after it.
const BEFORE_S = 4;
const AFTER_S = 8;
// The impact is over within a second; later peaks are handling or getting up.
const PEAK_WITHIN_S = 1;

export type Traces = {
  /** Seconds from the impact. */
  timeS: number[];
  /** sqrt(x² + y² + z²). */
  magnitude: number[];
  channels: number[][];
};

export type WithEvidence = { event: AlertEvent; evidence: Evidence };

/** The latest event that carries a waveform: it was decided on the most. */
export function evidenceOf(detail: AlertDetail): WithEvidence | null {
  for (const event of [...detail.events].reverse()) {
    if (event.evidence?.samples[0]?.length) {
      return { event, evidence: event.evidence };
    }
  }
  return null;
}

export function traces(evidence: Evidence): Traces {
  const startS = (Date.parse(evidence.start_at) - Date.parse(evidence.moment_at)) / 1000;
  const count = Math.min(...evidence.samples.map((channel) => channel.length));
  const indices = Array.from({ length: count }, (_, k) => k);
  return {
    timeS: indices.map((k) => startS + k / evidence.rate_hz),
    magnitude: indices.map((k) => Math.hypot(...evidence.samples.map((each) => each[k] ?? 0))),
    channels: evidence.samples.map((channel) => channel.slice(0, count)),
  };
}

/** The part to show first; the whole when it is short. */
export function aroundImpact({ timeS }: Traces): [number, number] {
  const first = timeS[0] ?? -BEFORE_S;
  const last = timeS.at(-1) ?? AFTER_S;
  return [Math.max(first, -BEFORE_S), Math.min(last, AFTER_S)];
}

export function peakG({ timeS, magnitude }: Traces): number {
  return magnitude.reduce(
    (peak, value, k) => (Math.abs(timeS[k] ?? Infinity) <= PEAK_WITHIN_S ? Math.max(peak, value) : peak),
    0,
  );
}
