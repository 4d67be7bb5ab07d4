import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type RuleSet = Schemas["RuleSetOut"];
export type RuleSets = Schemas["RuleSetsOut"];
export type RuleSetIn = Schemas["RuleSetIn"];
export type Preview = Schemas["PreviewOut"];
export type Task = Schemas["ClueOut"];
export type Asked = Schemas["CareTaskOut"];
export type Standing = NonNullable<Schemas["MoveCountOut"]["before"]>;

export const SERVICE_KEYS = {
  sets: ["service-rule-sets"],
  changes: ["entitlement-changes"],
  tasks: ["discovery-clues"],
  asked: ["care-tasks"],
} as const;

const one = (rule_set_id: string) => ({ params: { path: { rule_set_id } } });

export const services = {
  sets: () => answer(client.GET("/api/v1/service-rule-sets")),
  add: (body: RuleSetIn) => answer(client.POST("/api/v1/service-rule-sets", { body })),
  change: (id: string, body: RuleSetIn) => answer(client.PUT("/api/v1/service-rule-sets/{rule_set_id}", { ...one(id), body })),
  next: (id: string) => answer(client.POST("/api/v1/service-rule-sets/{rule_set_id}/next", one(id))),
  discard: async (id: string) => {
    await answer(client.DELETE("/api/v1/service-rule-sets/{rule_set_id}", one(id)));
  },
  preview: (id: string, valid_from: string) =>
    answer(client.POST("/api/v1/service-rule-sets/{rule_set_id}/preview", { ...one(id), body: { valid_from } })),
  publish: (id: string, body: Schemas["PublishIn"]) =>
    answer(client.POST("/api/v1/service-rule-sets/{rule_set_id}/publish", { ...one(id), body })),
  changes: () => answer(client.GET("/api/v1/entitlement-changes")),
  asked: () => answer(client.GET("/api/v1/care-tasks")),
  endAsked: (task_id: string, body: Schemas["CareTaskEndIn"]) =>
    answer(client.POST("/api/v1/care-tasks/{task_id}/end", { params: { path: { task_id } }, body })),
  tasks: () => answer(client.GET("/api/v1/discovery-clues")),
  endTask: (clue_id: string, body: Schemas["ClueEndIn"]) =>
    answer(client.POST("/api/v1/discovery-clues/{clue_id}/end", { params: { path: { clue_id } }, body })),
};
