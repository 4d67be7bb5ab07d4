/** Texts made of an alert's fields. */
import type { TFunction } from "i18next";

import type { AlertSummary } from "../api/types";
import { zh } from "../i18n/zh";

type Code = keyof typeof zh.code;
type Hop = keyof typeof zh.hop;
const isCode = (code: string): code is Code => code in zh.code;
const isHop = (hop: string): hop is Hop => hop in zh.hop;

/** A code this page does not know yet is shown as it is, never hidden. */
export const kindText = (t: TFunction, code: string): string =>
  isCode(code) ? t(`code.${code}`) : code;

export const hopText = (t: TFunction, hop: string): string => (isHop(hop) ? t(`hop.${hop}`) : hop);

export const elderText = (t: TFunction, alert: AlertSummary): string =>
  alert.elder?.name ?? (alert.device_id === null && alert.place === null ? "" : t("alert.unknownElder"));

const isNumber = (text: string): boolean => /^[0-9A-Za-z-]+$/.test(text);

/** `203 房 1 床`: where to run. Rooms with a name (`主卧`) stay as they are. */
export function bedText(t: TFunction, alert: AlertSummary): string {
  // What concerns nobody and no device concerns the house: nobody on duty, a gateway.
  if (alert.place === null && alert.device_id === null && alert.elder === null) return t("alert.wholeHouse");
  if (alert.place === null) return t("alert.unknownPlace", { device: alert.device_id ?? t("common.unknown") });
  const { room, bed, label } = alert.place;
  if (room === "") return label;
  const roomText = isNumber(room) ? t("alert.room", { room }) : room;
  if (bed === null || bed === "") return roomText;
  return `${roomText} ${isNumber(bed) ? t("alert.bed", { bed }) : bed}`;
}
