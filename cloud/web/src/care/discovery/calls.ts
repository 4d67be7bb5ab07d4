import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type DiscoveryList = Schemas["DiscoveryListOut"];
export type DiscoveryCase = Schemas["DiscoveryCaseOut"];
export type ReasonOut = Schemas["NeedReasonOut"];
export type ElderDiscovery = Schemas["ElderDiscoveryOut"];
export type Curve = Schemas["CurveOut"];
export type Stats = Schemas["DiscoveryStatsOut"];
export type Dismissal = NonNullable<Schemas["DiscoveryAnswerIn"]["reason_code"]>;
export type TaskKind = Schemas["DiscoveryAskIn"]["kind"];

export const DISMISSALS: readonly Dismissal[] = [
  "away",
  "short_illness",
  "visitors",
  "device",
  "habit",
  "cared_for",
  "other",
];
export const TASK_KINDS: readonly TaskKind[] = ["visit", "assessment", "home_bed_application", "service_application"];

export const DISCOVERY_KEYS = {
  list: ["discovery"],
  elder: (id: string) => ["discovery", id],
} as const;

export const discovery = {
  list: () => answer(client.GET("/api/v1/discovery")),
  elder: (elder_id: string) =>
    answer(client.GET("/api/v1/elders/{elder_id}/discovery", { params: { path: { elder_id } } })),
  answer: (case_id: string, body: Schemas["DiscoveryAnswerIn"]) =>
    answer(client.POST("/api/v1/discovery/cases/{case_id}/answer", { params: { path: { case_id } }, body })),
  ask: (case_id: string, body: Schemas["DiscoveryAskIn"]) =>
    answer(client.POST("/api/v1/discovery/cases/{case_id}/tasks", { params: { path: { case_id } }, body })),
};
