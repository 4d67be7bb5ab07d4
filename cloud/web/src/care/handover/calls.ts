import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type Handover = Schemas["HandoverOut"];
export type Overview = Schemas["HandoversOut"];
export type Sheet = Schemas["HandoverSheet"];
export type Given = Schemas["GivenOut"];
export type Line = Schemas["HandoverLine"];
export type Change = Schemas["HandoverChange"];
export type Detail = Schemas["HandoverDetail"];
export type Signature = Schemas["SignatureIn"];
export type Section = Line["section"];

export const SECTIONS: readonly Section[] = [
  "open_alerts", "quiet_alerts", "alerts_of_shift", "out", "blind", "rounds_missed", "turning", "follow_ups", "attention",
  "observations",
];

export const HANDOVER_KEYS = {
  of: (unit: string) => ["handovers", unit],
  sheet: (unit: string, shift: string) => ["handovers", unit, "sheet", shift],
  one: (id: string) => ["handover", id],
  notes: (elder: string) => ["elder", elder, "observations"],
} as const;

export const handovers = {
  of: (unit_id: string) => answer(client.GET("/api/v1/handovers", { params: { query: { unit_id } } })),
  sheet: (unit_id: string, shift_starts_at: string) =>
    answer(client.GET("/api/v1/handovers/sheet", { params: { query: { unit_id, shift_starts_at } } })),
  one: (handover_id: string) =>
    answer(client.GET("/api/v1/handovers/{handover_id}", { params: { path: { handover_id } } })),
  give: (body: Schemas["GiveIn"]) => answer(client.POST("/api/v1/handovers", { body })),
  take: (handover_id: string, body: Schemas["TakeIn"]) =>
    answer(client.POST("/api/v1/handovers/{handover_id}/take", { params: { path: { handover_id } }, body })),
  object: (handover_id: string, body: Schemas["ObjectIn"]) =>
    answer(client.POST("/api/v1/handovers/{handover_id}/object", { params: { path: { handover_id } }, body })),
  settings: (body: Schemas["HandoverSettingsIO"]) => answer(client.PUT("/api/v1/handover-settings", { body })),
};

export const notes = {
  of: (elder_id: string) =>
    answer(client.GET("/api/v1/elders/{elder_id}/observations", { params: { path: { elder_id } } })),
  add: (elder_id: string, body: Schemas["NoteIn"]) =>
    answer(client.POST("/api/v1/elders/{elder_id}/observations", { params: { path: { elder_id } }, body })),
};
