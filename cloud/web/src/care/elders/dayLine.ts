/** A day as it is drawn and told: lines with holes, words for any moment, and the whole as a list. Pure. */
import type { components } from "../../api/schema";

export type Day = components["schemas"]["DayOut"];
export type BedState = components["schemas"]["BedStretch"]["state"];
type Span = { from_at: string; until_at: string };
type Vital = Day["vitals"][number];

export const CONTINUOUS = ["heart_rate", "respiration_rate"] as const;
// A reading a minute: what is further away than this is not "at that moment".
const NEAR_MS = 3 * 60_000;

export const ms = (iso: string): number => Date.parse(iso);
const covers = ({ from_at, until_at }: Span, at: number): boolean => ms(from_at) <= at && at < ms(until_at);

export type Lines = { timeS: number[]; values: (number | null | undefined)[][]; names: string[] };

/** Lines of continuous vital signs on one time axis; `null` in every hole, so that none is drawn across. */
export function linesOf(day: Day): Lines {
  const vitals = day.vitals.filter(({ quantity }) => (CONTINUOUS as readonly string[]).includes(quantity));
  const holes = (vital: Vital) => breaks(vital);
  const times = [...new Set([ms(day.from_at), ms(day.until_at), ...vitals.flatMap((vital) => [...vital.at_ms, ...holes(vital)])])];
  times.sort((a, b) => a - b);
  const place = new Map(times.map((time, index) => [time, index]));
  const values = vitals.map((vital) => {
    const filled: (number | null | undefined)[] = times.map(() => undefined);
    for (const time of holes(vital)) filled[place.get(time) ?? 0] = null;
    vital.at_ms.forEach((time, index) => {
      filled[place.get(time) ?? 0] = vital.mean[index] ?? null;
    });
    return filled;
  });
  return { timeS: times.map((time) => time / 1000), values, names: vitals.map(({ quantity }) => quantity) };
}

/** Where a line must break: within each unseen stretch, and wherever two readings are far apart. */
function breaks(vital: Vital): number[] {
  const found = vital.unseen.map(({ from_at, until_at }) => (ms(from_at) + ms(until_at)) / 2);
  vital.at_ms.forEach((time, index) => {
    const next = vital.at_ms[index + 1];
    if (next !== undefined && next - time > NEAR_MS * 5) found.push((time + next) / 2);
  });
  return found;
}

export type Words = {
  bed: BedState | null;
  blind: boolean;
  notWorn: boolean;
  rooms: { room: string; shared: boolean }[];
  vitals: { quantity: string; label_zh: string; unit: string; value: number }[];
  alerts: NonNullable<Day["alerts"]>;
  future: boolean;
};

/** What is known of one moment. */
export function momentOf(day: Day, at: number): Words {
  const near = (vital: Vital): number | undefined => {
    let best: number | undefined;
    vital.at_ms.forEach((time, index) => {
      const known = best === undefined ? Infinity : Math.abs((vital.at_ms[best] ?? Infinity) - at);
      if (Math.abs(time - at) < Math.min(known, NEAR_MS)) best = index;
    });
    return best === undefined ? undefined : vital.mean[best];
  };
  return {
    bed: day.bed?.find((stretch) => covers(stretch, at))?.state ?? null,
    blind: day.blind.some((span) => covers(span, at)),
    notWorn: day.not_worn.some((span) => covers(span, at)),
    rooms: day.rooms.filter(({ active }) => active.some((span) => covers(span, at))).map(({ room, shared }) => ({ room, shared })),
    vitals: day.vitals.flatMap((vital) => {
      const value = near(vital);
      return value === undefined ? [] : [{ quantity: vital.quantity, label_zh: vital.label_zh, unit: vital.unit, value }];
    }),
    alerts: (day.alerts ?? []).filter(
      ({ happened_at, ended_at }) => ms(happened_at) <= at && at < (ended_at === null ? Infinity : ms(ended_at)),
    ),
    future: at >= ms(day.server_time),
  };
}

export type Entry =
  | { kind: "bed"; from: string; until: string; state: BedState }
  | { kind: "room"; from: string; until: string; room: string; shared: boolean }
  | { kind: "alert"; from: string; until: string | null; alert: NonNullable<Day["alerts"]>[number] }
  | { kind: "blind" | "notWorn"; from: string; until: string }
  | { kind: "hole"; from: string; until: string | null; device: string | null; cause: string }
  | { kind: "pause"; from: string; until: string; reason: string }
  | { kind: "change"; from: string; until: null; what: Day["changes"][number]["what"]; device: string };

/** The same day as a list by time: for who cannot see the picture, and for a small screen. */
export function entriesOf(day: Day): Entry[] {
  const span = ({ from_at, until_at }: Span) => ({ from: from_at, until: until_at });
  const entries: Entry[] = [
    ...(day.bed ?? []).map((each): Entry => ({ kind: "bed", ...span(each), state: each.state })),
    ...day.rooms.flatMap(({ room, shared, active }) =>
      active.map((each): Entry => ({ kind: "room", ...span(each), room, shared })),
    ),
    ...(day.alerts ?? []).map((alert): Entry => ({ kind: "alert", from: alert.happened_at, until: alert.ended_at, alert })),
    ...day.blind.map((each): Entry => ({ kind: "blind", ...span(each) })),
    ...day.not_worn.map((each): Entry => ({ kind: "notWorn", ...span(each) })),
    ...day.holes.map((each): Entry => ({
      kind: "hole", from: each.from_at, until: each.until_at, device: each.device_id, cause: each.cause,
    })),
    ...day.pauses.map((each): Entry => ({ kind: "pause", ...span(each), reason: each.reason })),
    ...day.changes.map((each): Entry => ({
      kind: "change", from: each.at, until: null, what: each.what, device: each.label || each.device_id,
    })),
  ]; // prettier-ignore
  return entries.sort((a, b) => ms(a.from) - ms(b.from));
}

/** `[from, until]` in ms after a zoom around a moment, never wider than the day, never under five minutes. */
export function zoomed(range: readonly [number, number], day: readonly [number, number], at: number, factor: number): [number, number] {
  const width = Math.min(day[1] - day[0], Math.max(5 * 60_000, (range[1] - range[0]) * factor));
  const share = (at - range[0]) / Math.max(1, range[1] - range[0]);
  return shifted([at - width * share, at - width * share + width], day, 0);
}

/** The same range further along, kept within the day. */
export function shifted(range: readonly [number, number], day: readonly [number, number], by: number): [number, number] {
  const width = range[1] - range[0];
  const from = Math.min(Math.max(range[0] + by, day[0]), day[1] - width);
  return [from, from + width];
}
