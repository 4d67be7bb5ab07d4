import type { components } from "./schema";

type Schemas = components["schemas"];

export type Me = Schemas["Me"];
export type Permission = Schemas["Permission"];
export type Role = Schemas["Role"];
export type AlertSummary = Schemas["AlertSummary"];
export type AlertDetail = Schemas["AlertDetail"];
export type AlertList = Schemas["AlertList"];
export type AlertEvent = Schemas["EventOut"];
export type Evidence = Schemas["EvidenceOut"];
export type LedgerHop = Schemas["LedgerOut"];
export type MoveIn = Schemas["MoveIn"];
export type Status = Schemas["Status"];
export type GatewayStatus = Schemas["GatewayStatus"];
export type DeviceStatus = Schemas["DeviceStatus"];
export type Verdict = NonNullable<AlertSummary["verdict"]>;
export type Priority = AlertSummary["priority"];

export const VERDICTS: readonly Verdict[] = ["true", "false", "unclear", "test"];

/** Anything not ended by a person is open, also in states that later versions may add. */
export const isOpen = (alert: AlertSummary): boolean => alert.resolved_at === null;

/** Nobody has answered yet: this is what rings. */
export const isUnanswered = (alert: AlertSummary): boolean =>
  isOpen(alert) && alert.acknowledged_at === null;
