import { describe, expect, it } from "vitest";

import type { AlertEvent, Evidence } from "../api/types";
import { aDetail } from "../testing/samples";
import { aroundImpact, evidenceOf, peakG, traces } from "./evidence";

const IMPACT = [3, 4, 0];
const HANDLED = [9, 0, 0];
const STILL = [0, 0, 1];

/** 20 s at 10 Hz, impact at 8 s; lying still after it, a handling peak at 15 s. */
const evidence: Evidence = {
  quantity: "acceleration",
  unit: "g",
  start_at: "2026-03-01T18:12:52.000Z",
  moment_at: "2026-03-01T18:13:00.000Z",
  rate_hz: 10,
  samples: [0, 1, 2].map((channel) =>
    Array.from({ length: 200 }, (_, k) =>
      k === 80 ? (IMPACT[channel] ?? 0) : k === 150 ? (HANDLED[channel] ?? 0) : (STILL[channel] ?? 0),
    ),
  ),
};

describe("traces", () => {
  const data = traces(evidence);

  it("counts time from the impact", () => {
    expect(data.timeS[0]).toBeCloseTo(-8);
    expect(data.timeS[80]).toBeCloseTo(0);
    expect(data.timeS).toHaveLength(200);
  });

  it("computes the magnitude", () => {
    expect(data.magnitude[0]).toBe(1);
    expect(data.magnitude[80]).toBe(5);
  });

  it("cuts channels to the shortest", () => {
    const ragged = { ...evidence, samples: [[1, 2, 3], [1, 2], [1, 2, 3]] };
    expect(traces(ragged).timeS).toHaveLength(2);
    expect(traces(ragged).channels.every((channel) => channel.length === 2)).toBe(true);
  });

  it("shows the seconds around the impact, and the peak of the impact itself", () => {
    expect(aroundImpact(data)).toEqual([-4, 8]);
    expect(peakG(data)).toBe(5);
  });

  it("shows all of a short window", () => {
    const short = traces({ ...evidence, start_at: "2026-03-01T18:12:59.000Z", samples: [[1, 1, 1]] });
    expect(aroundImpact(short)).toEqual([-1, short.timeS.at(-1)]);
  });
});

describe("evidenceOf", () => {
  const event = (changes: Partial<AlertEvent>): AlertEvent[] =>
    aDetail().events.map((each) => ({ ...each, ...changes }));

  it("takes the latest event that has a waveform", () => {
    const events = [
      ...event({ id: "suspected", evidence }),
      ...event({ id: "confirmed", evidence }),
      ...event({ id: "recovered", evidence: null }),
    ];
    expect(evidenceOf(aDetail({ events }))?.event.id).toBe("confirmed");
  });

  it("is nothing without one", () => {
    expect(evidenceOf(aDetail())).toBeNull();
    const events = event({ evidence: { ...evidence, samples: [[]] } });
    expect(evidenceOf(aDetail({ events }))).toBeNull();
  });
});
