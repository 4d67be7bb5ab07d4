/** The server's time on this screen, and how times are written. */
import { useSyncExternalStore } from "react";

/** Care homes of one hub are in one time zone, and China has one; a screen's own may be wrong. */
export const TIME_ZONE = "Asia/Shanghai";
/** No summer time since 1991. */
export const CHINA_OFFSET_MS = 8 * 3_600_000;

// Pings come every 5 s: this covers a minute, long enough to meet a quick one.
const KEPT_OFFSETS = 12;

/**
 * How far the server's clock is ahead of ours. A message can only arrive late, never early, so
 * the largest recent difference is the one with the least delay in it.
 */
export class ServerClock {
  private offsetsMs: number[] = [];

  constructor(private readonly localMs: () => number = () => Date.now()) {}

  get isKnown(): boolean {
    return this.offsetsMs.length > 0;
  }

  heard(serverTime: string): void {
    const serverMs = Date.parse(serverTime);
    if (Number.isNaN(serverMs)) return;
    this.offsetsMs = [...this.offsetsMs.slice(1 - KEPT_OFFSETS), serverMs - this.localMs()];
  }

  nowMs(): number {
    return this.localMs() + (this.isKnown ? Math.max(...this.offsetsMs) : 0);
  }
}

export const serverClock = new ServerClock();

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;
let second = 0;

/** Wakes just after each full second of the server, so that all clocks on the screen step as one. */
function schedule(): void {
  const now = serverClock.nowMs();
  second = Math.floor(now / 1000);
  timer = setTimeout(() => {
    schedule();
    for (const listener of listeners) listener();
  }, 1005 - (now % 1000));
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) schedule();
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearTimeout(timer);
  };
}

/** The server's time in whole seconds; the component is drawn again each second. */
export function useServerSecond(): number {
  return useSyncExternalStore(subscribe, () =>
    listeners.size === 0 ? Math.floor(serverClock.nowMs() / 1000) : second,
  );
}

const hms = new Intl.DateTimeFormat("zh-CN", {
  timeZone: TIME_ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
}); // prettier-ignore
const hm = new Intl.DateTimeFormat("zh-CN", {
  timeZone: TIME_ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23",
}); // prettier-ignore
const monthDay = new Intl.DateTimeFormat("zh-CN", {
  timeZone: TIME_ZONE, month: "2-digit", day: "2-digit",
}); // prettier-ignore
const hourOnly = new Intl.DateTimeFormat("en-GB", {
  timeZone: TIME_ZONE, hour: "2-digit", hourCycle: "h23",
}); // prettier-ignore

const toMs = (time: string | number): number =>
  typeof time === "number" ? time : Date.parse(time);

/** `02:13:05` */
export const clockTime = (time: string | number): string => hms.format(toMs(time));

/** `02:13`, with the day before it when it is not of the same day as `nowMs`. */
export function shortTime(time: string | number, nowMs: number = serverClock.nowMs()): string {
  const day = monthDay.format(toMs(time));
  const clock = hm.format(toMs(time));
  return day === monthDay.format(nowMs) ? clock : `${day} ${clock}`;
}

/** `02:13:05.123` */
export function exactTime(time: string): string {
  const ms = toMs(time);
  return `${hms.format(ms)}.${String(((ms % 1000) + 1000) % 1000).padStart(3, "0")}`;
}

/** `mm:ss`, from an hour on `h:mm:ss`. Never negative: clocks differ a little. */
export function elapsed(fromMs: number, toMs_: number): string {
  const total = Math.max(0, Math.floor((toMs_ - fromMs) / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const rest = `${two(Math.floor((total % 3600) / 60))}:${two(total % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

// The lights of a ward are down between these hours.
const NIGHT_FROM_H = 19;
const NIGHT_UNTIL_H = 7;

export function isNight(nowMs: number): boolean {
  const hour = Number(hourOnly.format(nowMs));
  return hour >= NIGHT_FROM_H || hour < NIGHT_UNTIL_H;
}
