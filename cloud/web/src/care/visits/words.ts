import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

import { dayAndClock } from "../../shared/dayAndClock";
import type { DueRow } from "./calls";

/** 600 m, 1.2 km. */
export const metres = (m: number): string => (m < 1000 ? `${Math.round(m / 10) * 10} m` : `${(m / 1000).toFixed(1)} km`);

/** A word of the domain's data in the language of the page. */
export function useWord(): (one: { zh: string; en: string } | undefined) => string {
  const { i18n } = useTranslation();
  return (one) => (one === undefined ? "" : i18n.language.startsWith("en") ? one.en : one.zh);
}

/** Why the next visit is earlier than its interval says; empty where it is not. */
export const whyEarlier = (t: TFunction<"visits">, row: DueRow): string[] =>
  row.pulls.map(({ reason, note, at }) =>
    t(`pull.${reason}`, { note: reason === "alert" ? t(`alert.${note}`, { defaultValue: note }) : note, at: dayAndClock(at) }),
  );

/** A regular visit is due until midnight: the day before is its day. */
export const dayOf = (dueAt: string): string => dayAndClock(new Date(Date.parse(dueAt) - 1).toISOString());
