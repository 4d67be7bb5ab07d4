import { TIME_ZONE } from "./time";

const CLOCK = new Intl.DateTimeFormat("zh-CN", { timeZone: TIME_ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY_AND_CLOCK = new Intl.DateTimeFormat("zh-CN", {
  timeZone: TIME_ZONE, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

/** 02:13 in the house. */
export const clockOf = (iso: string): string => CLOCK.format(Date.parse(iso));

/** 03/01 02:13 in the house. */
export const dayAndClock = (iso: string): string => DAY_AND_CLOCK.format(Date.parse(iso));

const DATE = new Intl.DateTimeFormat("sv-SE", { timeZone: TIME_ZONE });

/** 2026-03-01 in the house. */
export const dateOf = (at: string | number): string => DATE.format(typeof at === "number" ? at : Date.parse(at));
