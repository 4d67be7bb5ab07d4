import { answer, client } from "../../api/client";
import type { components, operations } from "../../api/schema";

type Schemas = components["schemas"];
export type Incident = Schemas["CareIncidentOut"];
export type IncidentDetail = Schemas["CareIncidentDetail"];
export type IncidentIn = Schemas["CareIncidentIn"];
export type Kind = Incident["kind"];
export type Injury = NonNullable<Incident["injury"]>;
export type Step = Schemas["IncidentMoveIn"]["step"];
export type RiskQuery = NonNullable<operations["get_risk_register"]["parameters"]["query"]>;
export type IncidentQuery = NonNullable<operations["list_incidents"]["parameters"]["query"]>;

export const KINDS: readonly Kind[] = [
  "fall", "bed_fall", "choking", "wrong_intake", "pressure_injury", "scald", "wandering", "harm", "activity", "other",
];
export const INJURIES: readonly Injury[] = ["none", "minor", "serious", "hospital", "death", "unknown"];

export const SAFETY_KEYS = {
  register: (query: object) => ["risk-register", query],
  history: (elder: string) => ["elder", elder, "risk-history"],
  incidents: (query: object) => ["incidents", query],
  everyIncident: ["incidents"],
  incident: (id: string) => ["incidents", "one", id],
} as const;

const one = (incident_id: string) => ({ params: { path: { incident_id } } });

export const safety = {
  register: (query: RiskQuery) => answer(client.GET("/api/v1/risks", { params: { query } })),
  history: (elder_id: string) =>
    answer(client.GET("/api/v1/elders/{elder_id}/risk-history", { params: { path: { elder_id } } })),
  incidents: (query: IncidentQuery) => answer(client.GET("/api/v1/incidents", { params: { query } })),
  incident: (id: string) => answer(client.GET("/api/v1/incidents/{incident_id}", one(id))),
  report: (body: IncidentIn) => answer(client.POST("/api/v1/incidents", { body })),
  change: (id: string, body: Schemas["CareIncidentChange"]) =>
    answer(client.PUT("/api/v1/incidents/{incident_id}", { ...one(id), body })),
  move: (id: string, step: Step, words: string, version: number) =>
    answer(client.POST("/api/v1/incidents/{incident_id}/moves", { ...one(id), body: { step, words, version } })),
};
