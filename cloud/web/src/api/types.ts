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
export type CoverageList = Schemas["CoverageList"];
export type ElderCoverage = Schemas["ElderCoverage"];
export type FamilyPage = Schemas["FamilyPage"];
export type FamilyElder = Schemas["FamilyElder"];
export type Status = Schemas["Status"];
export type GatewayStatus = Schemas["GatewayStatus"];
export type DeviceStatus = Schemas["DeviceStatus"];
export type Verdict = NonNullable<AlertSummary["verdict"]>;
export type SoundName = Schemas["ShownIn"]["sound"];
export type Priority = AlertSummary["priority"];

export type Finding = NonNullable<AlertSummary["finding"]>;
export type Injury = NonNullable<AlertSummary["injury"]>;

export const VERDICTS: readonly Verdict[] = ["true", "false", "unclear", "test"];
export const INJURIES: readonly Injury[] = ["none", "minor", "serious", "hospital", "death", "unknown"];
const FALL_FINDINGS: readonly Finding[] = [
  "real_fall", "lowered_self", "sat_hard", "device_dropped", "care_handling", "visitor", "test", "unclear",
];
const OTHER_FINDINGS: readonly Finding[] = ["real", "false_alarm", "test", "unclear"];

/** One tap each; which ones make sense depends on what was reported. */
export const findingsOf = (alert: AlertSummary): readonly Finding[] =>
  alert.code.startsWith("fall_") ? FALL_FINDINGS : OTHER_FINDINGS;

/** Anything not ended is open, also in states that later versions may add. */
export const isOpen = (alert: AlertSummary): boolean =>
  alert.resolved_at === null && alert.closed_at === null;

/** Fewer people have answered than are needed, and nobody has set it aside: this is what rings. */
export const isUnanswered = (alert: AlertSummary): boolean =>
  isOpen(alert) &&
  (alert.state === "raised" || alert.state === "notified" || alert.second_due) &&
  alert.shelved_until === null &&
  !alert.suppressed;
