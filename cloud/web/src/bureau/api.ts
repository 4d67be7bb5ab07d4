import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { CHINA_OFFSET_MS } from "../shared/time";

export type Sheet = components["schemas"]["BureauSheet"];
export type Figure = components["schemas"]["BureauFigure"];
export type BureauNode = components["schemas"]["BureauNode"];
export type Indicator = components["schemas"]["IndicatorOut"];
export type Trend = components["schemas"]["TrendOut"];

export const bureauApi = {
  catalogue: () => answer(client.GET("/api/v1/bureau/indicators")),
  sheet: (month: string) => answer(client.GET("/api/v1/bureau/sheet", { params: { query: { month: `${month}-01` } } })),
  trend: (indicator: string, month: string, node: string) =>
    answer(client.GET("/api/v1/bureau/trend", { params: { query: { indicator, month: `${month}-01`, node } } })),
  events: (indicator: string, month: string, member_id: string) =>
    answer(client.GET("/api/v1/bureau/events", { params: { query: { indicator, month: `${month}-01`, member_id } } })),
};

const MONTHS_SHOWN = 24;

/** `2026-03` and the months before it, newest first; the days are China's. */
export function monthsBefore(nowMs: number): string[] {
  const here = new Date(nowMs + CHINA_OFFSET_MS);
  return Array.from({ length: MONTHS_SHOWN }, (_, back) =>
    new Date(Date.UTC(here.getUTCFullYear(), here.getUTCMonth() - back, 1)).toISOString().slice(0, 7),
  );
}

export const memberOf = (node: string): string | undefined =>
  node.startsWith("institution:") ? node.slice("institution:".length) : undefined;
