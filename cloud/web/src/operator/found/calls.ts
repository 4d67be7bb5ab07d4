import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

export type Found = components["schemas"]["FoundDeviceOut"];
export type FoundList = components["schemas"]["FoundDeviceList"];
export type AcceptIn = components["schemas"]["AcceptIn"];

export const FOUND_KEY = ["found"] as const;

const byId = (found_id: string) => ({ params: { path: { found_id } } });

export const found = {
  list: (ignored: boolean): Promise<FoundList> =>
    answer(client.GET("/api/v1/found-devices", { params: { query: { ignored } } })),
  accept: async (id: string, body: AcceptIn): Promise<void> => {
    await answer(client.POST("/api/v1/found-devices/{found_id}/accept", { ...byId(id), body }));
  },
  ignore: async (id: string): Promise<void> => {
    await answer(client.POST("/api/v1/found-devices/{found_id}/ignore", byId(id)));
  },
  unignore: async (id: string): Promise<void> => {
    await answer(client.DELETE("/api/v1/found-devices/{found_id}/ignore", byId(id)));
  },
};
