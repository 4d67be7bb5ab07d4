/** What the simulator tells, and the picture that its parts add up to. Pure. */
import type { BedState } from "../../shared/floor/layout";
import type { RunDetail } from "./calls";

export type CastBed = { key: string; unit: string; label: string; level: number; devices: number };
export type Cast = {
  kind: "cast";
  scenario: string;
  title_zh: string;
  title_en: string;
  starts_at: string;
  duration_s: number;
  seed: number;
  speed: number;
  carers: number;
  target_s: number;
  devices: number;
  readings: number;
  beds: CastBed[];
};
export type SimAlert = {
  id: number;
  bed: number;
  code: string;
  urgency: "high" | "medium" | "low" | "round";
  at_s: number;
  state: "open" | "going" | "there" | "done";
  carer: number | null;
  bedside_s: number | null;
  real: boolean | null;
};
export type Carer = { carer: number; doing: "free" | "going" | "there" | "round"; bed: number | null };
type Tick = {
  kind: "tick";
  at_s: number;
  beds: [number, BedState][];
  alerts: SimAlert[];
  staff: Carer[];
  readings: number;
  silent: number;
};
export type Progress = { kind: "progress"; stage: "make" | "listen" | "nights"; done: number; of: number };
export type Scorecard = {
  kind: "scorecard";
  person_days: number;
  rows: { kind: string; happened: number; found: number; missed: number; p50_s: number | null; p95_s: number | null }[];
  false_alerts: Record<string, number>;
  technical_alerts: Record<string, number>;
  outages: number;
  bedside: {
    calls: number;
    nobody_came: number;
    median_s: number | null;
    p95_s: number | null;
    missed_target: number;
    busy_share: number;
    rounds_done: number;
    rounds_late: number;
  };
  alerts: SimAlert[];
};
export type Estimate = { value: number | null; low: number | null; high: number | null };
export type Outcome = {
  carers: number;
  calls: number;
  median_s: Estimate;
  p95_s: Estimate;
  missed_target: Estimate;
  busy: Estimate;
  rounds_late: Estimate;
  times: number[];
};
export type Outcomes = { kind: "outcomes"; seeds: number; target_s: number; bin_s: number; outcomes: Outcome[] };
export type Result = Scorecard | Outcomes;
export type Frame = Cast | Tick | Progress | Result;

/** Everything that is known of a run at a moment. */
export type Picture = {
  cast: Cast | null;
  progress: Progress | null;
  atS: number;
  beds: readonly BedState[];
  /** Newest first. */
  alerts: readonly SimAlert[];
  staff: readonly Carer[];
  readings: number;
  silent: number;
  result: Result | null;
};

export const NOTHING: Picture = {
  cast: null, progress: null, atS: 0, beds: [], alerts: [], staff: [], readings: 0, silent: 0, result: null,
}; // prettier-ignore

function ticked(picture: Picture, tick: Tick): Picture {
  const beds = [...picture.beds];
  for (const [bed, state] of tick.beds) beds[bed] = state;
  const staff = [...picture.staff];
  for (const one of tick.staff) staff[one.carer - 1] = one;
  let alerts = picture.alerts;
  if (tick.alerts.length > 0) {
    const byId = new Map(alerts.map((alert) => [alert.id, alert]));
    for (const alert of tick.alerts) byId.set(alert.id, alert);
    alerts = [...byId.values()].sort((a, b) => b.at_s - a.at_s);
  }
  return { ...picture, beds, staff, alerts, atS: tick.at_s, readings: tick.readings, silent: tick.silent };
}

export function withFrame(picture: Picture, frame: Frame): Picture {
  switch (frame.kind) {
    case "progress":
      return { ...picture, progress: frame };
    case "cast":
      return { ...picture, cast: frame, progress: null, beds: frame.beds.map(() => "unknown" as const) };
    case "tick":
      return ticked(picture, frame);
    default:
      return { ...picture, result: frame, progress: null };
  }
}

/** A run that has ended, from its record. */
export const castOf = (run: RunDetail): Cast | null => run.cast as Cast | null;
export const resultOf = (run: RunDetail): Result | null => run.result as Result | null;

export type FigureName =
  | "foundTotal" | "missedTotal" | "falseRate" | "bedsideMedian" | "bedsideP95" | "missedTarget"
  | "nobodyCame" | "busy" | "roundsLate" | "outages"; // prettier-ignore
export type Figure = { name: FigureName; text: string; value: number | null };

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);
const seconds = (value: number | null): string => (value === null ? "–" : `${value.toFixed(0)} s`);

/** The scorecard in a few lines: those of two runs can be laid side by side. */
export function figuresOf(card: Scorecard): Figure[] {
  const happened = sum(card.rows.map((row) => row.happened));
  const found = sum(card.rows.map((row) => row.found));
  const rate = sum(Object.values(card.false_alerts)) / card.person_days;
  const { bedside } = card;
  return [
    { name: "foundTotal", text: `${found} / ${happened}`, value: found },
    { name: "missedTotal", text: String(happened - found), value: happened - found },
    { name: "falseRate", text: rate.toFixed(2), value: rate },
    { name: "bedsideMedian", text: seconds(bedside.median_s), value: bedside.median_s },
    { name: "bedsideP95", text: seconds(bedside.p95_s), value: bedside.p95_s },
    { name: "missedTarget", text: `${bedside.missed_target} / ${bedside.calls}`, value: bedside.missed_target },
    { name: "nobodyCame", text: String(bedside.nobody_came), value: bedside.nobody_came },
    { name: "busy", text: `${(bedside.busy_share * 100).toFixed(0)} %`, value: bedside.busy_share * 100 },
    { name: "roundsLate", text: `${bedside.rounds_late} / ${bedside.rounds_done}`, value: bedside.rounds_late },
    { name: "outages", text: String(card.outages), value: card.outages },
  ];
}
