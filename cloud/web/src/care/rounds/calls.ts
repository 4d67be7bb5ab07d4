import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type RoundList = Schemas["RoundListOut"];
export type RoundRow = Schemas["RoundRow"];
export type DueNow = Schemas["DueNow"];
export type CheckIn = Schemas["RoundCheckIn"];
export type Finding = CheckIn["finding"];
export type Position = NonNullable<CheckIn["position"]>;
export type Sheet = Schemas["SheetOut"];
export type RoundPlan = Schemas["RoundPlanOut"];
export type LevelPlan = Schemas["LevelPlanIO"];
export type PlanIn = Schemas["RoundPlanIn"];
export type PlanLoad = Schemas["PlanLoadOut"];
export type Labels = Schemas["LabelsOut"];
export type Absence = Schemas["AbsenceOut"];

export const FINDINGS: readonly Finding[] = ["asleep", "awake_well", "up", "not_there", "needs_help"];
export const POSITIONS: readonly Position[] = ["left", "right", "back", "prone", "sitting"];

export const ROUND_KEYS = {
  list: ["rounds"],
  sheet: (unit: string, at: string) => ["rounds", "sheet", unit, at],
  plans: ["round-plans"],
  leaves: ["leaves"],
  tags: (unit: string) => ["round-tags", unit],
} as const;

export const rounds = {
  list: () => answer(client.GET("/api/v1/rounds")),
  check: (body: CheckIn) => answer(client.POST("/api/v1/rounds/checks", { body })),
  sheet: (unit_id: string, at: string) =>
    answer(client.GET("/api/v1/rounds/sheet", { params: { query: { unit_id, at } } })),
  plans: () => answer(client.GET("/api/v1/round-plans")),
  load: (body: PlanIn) => answer(client.POST("/api/v1/round-plans/load", { body })),
  setPlan: (body: PlanIn) => answer(client.PUT("/api/v1/round-plans", { body })),
};

export const tags = {
  of: (unit_id: string) => answer(client.GET("/api/v1/round-tags", { params: { query: { unit_id } } })),
  fill: (unit_id: string) => answer(client.POST("/api/v1/round-tags/fill", { body: { unit_id } })),
  renew: (bed_id: string) => answer(client.POST("/api/v1/round-tags/renew", { body: { bed_id } })),
};

export const leaves = {
  open: () => answer(client.GET("/api/v1/leaves")),
  register: (elder_id: string, body: Schemas["AbsenceIn"]) =>
    answer(client.POST("/api/v1/elders/{elder_id}/leaves", { params: { path: { elder_id } }, body })),
  extend: ({ elder_id, id }: Absence, due_back_at: string) =>
    answer(
      client.PUT("/api/v1/elders/{elder_id}/leaves/{leave_id}", {
        params: { path: { elder_id, leave_id: id } },
        body: { due_back_at },
      }),
    ),
  back: ({ elder_id, id }: Absence) =>
    answer(
      client.POST("/api/v1/elders/{elder_id}/leaves/{leave_id}/return", {
        params: { path: { elder_id, leave_id: id } },
      }),
    ),
};
