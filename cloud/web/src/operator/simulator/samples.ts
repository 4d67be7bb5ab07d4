/** A made-up run for the tests. */
import type { Cast, Scorecard, SimAlert } from "./frames";

export const CAST: Cast = {
  kind: "cast",
  scenario: "busy-night",
  title_zh: "忙碌的夜班",
  title_en: "A busy night",
  starts_at: "2026-03-02T20:00:00+08:00",
  duration_s: 43_200,
  seed: 7,
  speed: 600,
  carers: 2,
  target_s: 180,
  devices: 12,
  readings: 5000,
  beds: ["101-1", "102-1"].map((label) => ({ key: `sim-${label}`, unit: "1 区", label, level: 2, devices: 6 })),
};
export const ALERT: SimAlert = {
  id: 1, bed: 1, code: "fall_confirmed", urgency: "high", at_s: 3600, state: "open",
  carer: null, bedside_s: null, real: null,
}; // prettier-ignore
export const CARD: Scorecard = {
  kind: "scorecard",
  person_days: 5,
  rows: [{ kind: "fall", happened: 3, found: 2, missed: 1, p50_s: 2, p95_s: 3 }],
  false_alerts: { bed_exit_no_return: 4 },
  technical_alerts: {},
  outages: 0,
  bedside: {
    calls: 2, nobody_came: 0, median_s: 90, p95_s: 200, missed_target: 1, busy_share: 0.25, rounds_done: 6, rounds_late: 0,
  },
  alerts: [{ ...ALERT, state: "done", carer: 1, bedside_s: 90, real: true }],
}; // prettier-ignore
