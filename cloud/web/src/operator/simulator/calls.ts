import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

export type Run = components["schemas"]["RunOut"];
export type RunDetail = components["schemas"]["RunDetail"];
export type RunIn = components["schemas"]["RunIn"];
export type Scenario = components["schemas"]["ScenarioOut"];

export const RUNS_KEY = ["simulations"] as const;
export const SCENARIOS_KEY = ["simulations", "scenarios"] as const;

const byId = (run_id: string) => ({ params: { path: { run_id } } });

export const simulations = {
  scenarios: () => answer(client.GET("/api/v1/simulations/scenarios")),
  list: () => answer(client.GET("/api/v1/simulations")),
  start: (body: RunIn): Promise<RunDetail> => answer(client.POST("/api/v1/simulations", { body })),
  one: (id: string): Promise<RunDetail> => answer(client.GET("/api/v1/simulations/{run_id}", byId(id))),
  stop: async (id: string): Promise<void> => {
    await answer(client.POST("/api/v1/simulations/{run_id}/stop", byId(id)));
  },
};
