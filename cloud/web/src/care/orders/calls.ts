import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type Order = Schemas["ServiceOrderOut"];
export type OrderIn = Schemas["ServiceOrderIn"];
export type OrderMoveIn = Schemas["ServiceOrderMoveIn"];
export type Statement = Schemas["ServiceStatementOut"];
export type StatementLine = Schemas["StatementLineOut"];

export const KINDS: readonly OrderIn["kind"][] = ["meal", "bath", "medical"];

export const ORDER_KEYS = {
  all: ["service-orders"],
  day: (day: string) => ["service-orders", day],
  buyers: (month: string) => ["service-statements", month],
  statement: (month: string, purchaser: string) => ["service-statements", month, purchaser],
} as const;

export const orders = {
  day: (day: string) => answer(client.GET("/api/v1/service-orders", { params: { query: { day } } })),
  add: (elder_id: string, body: OrderIn) =>
    answer(client.POST("/api/v1/elders/{elder_id}/service-orders", { params: { path: { elder_id } }, body })),
  move: (order_id: string, body: OrderMoveIn) =>
    answer(client.POST("/api/v1/service-orders/{order_id}/moves", { params: { path: { order_id } }, body })),
};

export const statements = {
  buyers: (month: string) => answer(client.GET("/api/v1/service-statements", { params: { query: { month } } })),
  one: (month: string, purchaser: string) =>
    answer(client.GET("/api/v1/service-statements/one", { params: { query: { month, purchaser } } })),
  sign: (body: Schemas["StatementSignatureIn"]) => answer(client.POST("/api/v1/service-statements", { body })),
  csv: (month: string, purchaser: string) =>
    `/api/v1/service-statements/csv?month=${month}&purchaser=${encodeURIComponent(purchaser)}`,
};
