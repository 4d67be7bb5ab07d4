import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type HomeBeds = Schemas["HomeBedsOut"];
export type HomeBed = Schemas["HomeBedOut"];
export type HomeBedRow = Schemas["HomeBedRow"];
export type MoveIn = Schemas["HomeBedMoveIn"];
export type Move = MoveIn["move"];
export type ServiceKind = Schemas["ServicePlanIO"]["services"][number];

export const SERVICES: readonly ServiceKind[] = [
  "watching", "visits", "meals", "bathing", "medical", "cleaning", "rehabilitation", "company",
];

export const BED_KEYS = { all: ["home-beds"], one: (id: string) => ["home-beds", id] } as const;

export const beds = {
  list: () => answer(client.GET("/api/v1/home-beds")),
  one: (home_bed_id: string) => answer(client.GET("/api/v1/home-beds/{home_bed_id}", { params: { path: { home_bed_id } } })),
  apply: (elder_id: string, body: Schemas["ApplicationIn"]) =>
    answer(client.POST("/api/v1/elders/{elder_id}/home-beds", { params: { path: { elder_id } }, body })),
  move: (home_bed_id: string, body: MoveIn) =>
    answer(client.POST("/api/v1/home-beds/{home_bed_id}/moves", { params: { path: { home_bed_id } }, body })),
};
