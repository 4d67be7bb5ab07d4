import { useQuery } from "@tanstack/react-query";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";

/** Elders by name, pinyin or bed. */
export const useElders = (q: string, limit: number, enabled = true) =>
  useQuery({
    queryKey: ["elders", { q, limit }],
    queryFn: () => answer(client.GET("/api/v1/elders", { params: { query: { q, limit } } })),
    enabled,
  });

/** `王秀兰 · 2 楼 护理一区 201-1 床`. */
export const elderLabel = ({ name, place }: components["schemas"]["ElderLine"]): string =>
  [name, place?.label].filter(Boolean).join(" · ");
