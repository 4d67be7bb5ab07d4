import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type Gateway = Schemas["GatewayOut"];
export type GatewayCode = Schemas["GatewayCodeOut"];

export type GatewaySettings = Schemas["GatewaySettings"];
export type SettingsState = Schemas["GatewaySettingsOut"];

export const GATEWAYS_KEY = ["gateways"] as const;

const byId = (gateway_id: string) => ({ params: { path: { gateway_id } } });

export const gateways = {
  list: () => answer(client.GET("/api/v1/gateways")),
  create: (name: string): Promise<GatewayCode> =>
    answer(client.POST("/api/v1/gateways", { body: { name, settings: {} } })),
  code: (id: string): Promise<GatewayCode> =>
    answer(client.POST("/api/v1/gateways/{gateway_id}/code", byId(id))),
  settings: (id: string): Promise<SettingsState> =>
    answer(client.GET("/api/v1/gateways/{gateway_id}/settings", byId(id))),
  change: (id: string, body: GatewaySettings): Promise<SettingsState> =>
    answer(client.PUT("/api/v1/gateways/{gateway_id}/settings", { ...byId(id), body })),
  rotate: (id: string): Promise<Gateway> =>
    answer(client.POST("/api/v1/gateways/{gateway_id}/rotate", byId(id))),
  revoke: (id: string): Promise<Gateway> =>
    answer(client.POST("/api/v1/gateways/{gateway_id}/revoke", byId(id))),
};
