/** What draws a person to the desk: sound, the tab's title and icon, and words for screen readers. */
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { isUnanswered } from "../api/types";
import { patternOf, type Ring } from "../shared/alarmSound";
import { setIcon } from "../shared/tabTitle";
import { alarmSound } from "../shared/useSound";
import { useAcknowledging } from "./AlertCard";
import type { Desk } from "./useDesk";
import { bedText, elderText, kindText } from "./words";

const CHECK_MS = 1_000;
const FLASH_MS = 1_000;
// Long enough to see to the network, short enough that nobody forgets it for the night.
export const HUSH_MS = 10 * 60 * 1_000;

export type Hush = { untilMs: number | null; start: () => void };

/** Silence for the blind-screen tone only, for a while; never for an alert. */
export function useHush(blindKey: string): Hush {
  const [hush, setHush] = useState<{ key: string; untilMs: number } | null>(null);
  useEffect(() => {
    if (hush === null) return;
    const timer = setTimeout(() => setHush(null), Math.max(0, hush.untilMs - Date.now()));
    return () => clearTimeout(timer);
  }, [hush]);
  return {
    // Another trouble than the one that was silenced rings again.
    untilMs: hush?.key === blindKey ? hush.untilMs : null,
    start: () => setHush({ key: blindKey, untilMs: Date.now() + HUSH_MS }),
  };
}

/** Names what the desk cannot see; empty when it sees. */
export function blindKeyOf(desk: Desk): string {
  const { situation, status } = desk;
  const parts = situation.gatewaysDown.map((gateway) => gateway.name);
  if (situation.screenBlind) parts.push("screen");
  if (situation.noGateway) parts.push("none");
  if (status === null && desk.statusError !== null) parts.push("status");
  return parts.join("|");
}

export function useRings(desk: Desk, blindKey: string, hushed: boolean): void {
  const acknowledging = useAcknowledging();
  const asked = (desk.alerts ?? [])
    .filter((alert) => isUnanswered(alert) && !acknowledging.has(alert.id))
    .flatMap((alert): Ring[] => {
      const pattern = patternOf(alert.priority);
      return pattern === null ? [] : [{ id: alert.id, pattern }];
    });
  if (blindKey !== "" && !hushed) asked.push({ id: `blind:${blindKey}`, pattern: "technical" });
  const key = JSON.stringify(asked);
  useEffect(() => {
    alarmSound.update(JSON.parse(key) as Ring[]);
  }, [key]);
  useEffect(() => {
    const timer = setInterval(() => alarmSound.check(), CHECK_MS);
    return () => {
      clearInterval(timer);
      alarmSound.update([]);
    };
  }, []);
}

export function useTabTitle(desk: Desk): void {
  const { t } = useTranslation();
  const { alerts, situation } = desk;
  const unanswered = alerts?.filter(isUnanswered) ?? [];
  const newest = unanswered[0];
  const calmTitle = t("title.calm");
  const title = situation.screenBlind
    ? t("title.blind")
    : newest !== undefined
      ? t("title.open", {
          count: unanswered.length,
          kind: kindText(t, newest.code),
          place: bedText(t, newest),
        })
      : alerts === null
        ? t("title.unknown")
        : alerts.length > 0
          ? t("title.acknowledged", { count: alerts.length })
          : calmTitle;
  const count = unanswered.length;
  useEffect(() => {
    document.title = title;
    setIcon(count, situation.screenBlind);
    if (count === 0 && !situation.screenBlind) return;
    let plain = false;
    const timer = setInterval(() => {
      plain = !plain;
      document.title = plain ? `⚠ ${title}` : title;
    }, FLASH_MS);
    return () => clearInterval(timer);
  }, [title, count, situation.screenBlind]);
}

/** New alerts and answers of others, in words, into a live region; the first list counts as new. */
export function useAnnouncement(desk: Desk): RefObject<HTMLDivElement | null> {
  const { t } = useTranslation();
  const known = useRef(new Map<string, string>());
  const region = useRef<HTMLDivElement>(null);
  const { alerts } = desk;
  useEffect(() => {
    if (alerts === null) return;
    const said: string[] = [];
    for (const alert of alerts) {
      const now = `${alert.priority}/${alert.code}/${String(isUnanswered(alert))}`;
      const before = known.current.get(alert.id);
      known.current.set(alert.id, now);
      if (before === now) continue;
      const kind = kindText(t, alert.code);
      const elder = elderText(t, alert);
      if (isUnanswered(alert)) {
        const priority = t(`priorityLong.${alert.priority}`);
        said.push(t("alert.announce", { priority, kind, elder, place: bedText(t, alert) }));
      } else if (before !== undefined) {
        const name = alert.acknowledged_by ?? t("common.unknown");
        said.push(t("alert.announceAcknowledged", { kind, elder, name }));
      }
    }
    if (said.length > 0 && region.current) region.current.textContent = said.join("。");
  }, [alerts, t]);
  return region;
}

/** A wall screen must not go dark; a device that cannot promise it goes on as it is. */
export type WakeState = "held" | "refused" | "unsupported";

export function useWakeLock(): WakeState {
  const supported = useMemo(() => "wakeLock" in navigator, []);
  const [state, setState] = useState<WakeState>(supported ? "refused" : "unsupported");
  useEffect(() => {
    if (!supported) return;
    let sentinel: WakeLockSentinel | null = null;
    let ended = false;
    const hold = () => {
      if (document.visibilityState !== "visible" || (sentinel && !sentinel.released)) return;
      navigator.wakeLock.request("screen").then(
        (held) => {
          sentinel = held;
          setState("held");
          held.addEventListener("release", () => setState("refused"));
          if (ended) void held.release();
        },
        () => setState("refused"), // low battery or policy
      );
    };
    hold();
    document.addEventListener("visibilitychange", hold);
    return () => {
      ended = true;
      document.removeEventListener("visibilitychange", hold);
      void sentinel?.release();
    };
  }, [supported]);
  return state;
}
