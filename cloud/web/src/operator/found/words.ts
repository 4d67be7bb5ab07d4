import type { TFunction } from "i18next";

import type { Found } from "./calls";

type Words = TFunction<"operator">;

/** What it measures, with the last values: `活动 1，电量 88%`. */
export function measured(t: Words, one: Found): string {
  if (one.problem !== null) {
    return one.problem === "no_bind_key" ? t("found.sealed") : t("found.unusable", { why: one.problem });
  }
  const parts = Object.entries(one.quantities).map(([quantity, value]) => {
    const name = t(`found.quantity.${quantity}`, { defaultValue: quantity });
    return value === null ? name : `${name} ${String(Math.round(value * 10) / 10)}`;
  });
  return parts.length === 0 ? t("found.nothingYet") : parts.join("，");
}

/** How well which gateway hears it, the nearest first. */
export function signal(t: Words, one: Found): string {
  return one.heard_by
    .map((by) => {
      if (by.rssi_dbm !== null) return `${by.gateway} ${String(by.rssi_dbm)} dBm`;
      if (by.link_quality !== null) return `${by.gateway} LQI ${String(by.link_quality)}`;
      return by.messages === 0 ? t("found.announced", { gateway: by.gateway }) : by.gateway;
    })
    .join("，");
}
