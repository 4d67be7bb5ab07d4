import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type Outside = Schemas["OutsideOut"];
export type Partner = Schemas["PartnerOut"];
type Version = Schemas["BundleIn"]["version"];

export const EXCHANGE_KEYS = {
  results: ["outside-results"] as const,
  partners: ["exchange-partners"] as const,
};

export const exchange = {
  results: async (): Promise<Outside[]> => (await answer(client.GET("/api/v1/outside-results"))).results,
  take: (bundle: Record<string, unknown>, elder_id: string | null) =>
    answer(client.POST("/api/v1/outside-results", { body: { bundle, elder_id } })),
  decide: (result_id: string, accept: boolean, note: string) =>
    answer(client.POST("/api/v1/outside-results/{result_id}/decision", { params: { path: { result_id } }, body: { accept, note } })),
  partners: async (): Promise<Partner[]> => (await answer(client.GET("/api/v1/exchange-partners"))).partners,
  add: (name: string, jwk: Record<string, unknown>) => answer(client.POST("/api/v1/exchange-partners", { body: { name, jwk } })),
  end: async (partner_id: string): Promise<void> => {
    await answer(client.POST("/api/v1/exchange-partners/{partner_id}/end", { params: { path: { partner_id } } }));
  },
  bundle: (elder_id: string, body: { recipient: string; purpose: string; version: Version; with_citizen_number: boolean }) =>
    answer(client.POST("/api/v1/elders/{elder_id}/bundles", { params: { path: { elder_id } }, body, parseAs: "text" })) as Promise<unknown>,
};

/** An object out of what was typed or read; null: it is none. */
export function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
