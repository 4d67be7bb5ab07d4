import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type DueList = Schemas["VisitDueOut"];
export type DueRow = Schemas["VisitDueRow"];
export type Route = Schemas["RouteOut"];
export type Stop = Schemas["RouteStop"];
export type VisitSettings = Schemas["VisitSettingsOut"];
export type VisitIn = Schemas["VisitIn"];
export type Visit = Schemas["VisitOut"];
export type Outcome = VisitIn["outcome"];
export type Way = VisitIn["way"];
export type Followup = Schemas["FollowupOut"];
export type ElderVisits = Schemas["ElderVisitsOut"];
export type VisitPlan = Schemas["VisitPlanOut"];
export type Place = Schemas["PlaceIO"];

export const VISIT_KEYS = {
  all: ["visits"],
  due: ["visits", "due"],
  route: (day: string, visitor: string) => ["visits", "route", day, visitor],
  followups: ["visits", "followups"],
  elder: (id: string) => ["visits", "elder", id],
  settings: ["visit-settings"],
} as const;

const of = (elder_id: string) => ({ params: { path: { elder_id } } });

export const visits = {
  due: () => answer(client.GET("/api/v1/visits/due")),
  route: (day: string, visitor: string) =>
    answer(client.GET("/api/v1/visits/route", { params: { query: { day, ...(visitor && { visitor_id: visitor }) } } })),
  add: (body: VisitIn) => answer(client.POST("/api/v1/visits", { body })),
  correct: (visit_id: string, body: Schemas["VisitCorrectionIn"]) =>
    answer(client.POST("/api/v1/visits/{visit_id}/corrections", { params: { path: { visit_id } }, body })),
  followups: () => answer(client.GET("/api/v1/visit-followups")),
  followupDone: (followup_id: string, result: string) =>
    answer(client.POST("/api/v1/visit-followups/{followup_id}/done", { params: { path: { followup_id } }, body: { result } })),
  settings: () => answer(client.GET("/api/v1/visit-settings")),
  setSettings: (body: Schemas["VisitSettingsIn"]) => answer(client.PUT("/api/v1/visit-settings", { body })),
  elder: (id: string) => answer(client.GET("/api/v1/elders/{elder_id}/visits", of(id))),
  setPlan: (id: string, body: Schemas["VisitPlanIn"]) =>
    answer(client.PUT("/api/v1/elders/{elder_id}/visit-plan", { ...of(id), body })),
  request: (id: string, body: Schemas["VisitRequestIn"]) =>
    answer(client.POST("/api/v1/elders/{elder_id}/visit-requests", { ...of(id), body })),
};
