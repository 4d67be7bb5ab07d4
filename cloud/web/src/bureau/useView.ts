import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";

import { serverClock } from "../shared/time";
import { bureauApi, monthsBefore } from "./api";

/** Month and node from the address, with the sheet and the definitions. */
export function useView() {
  const [params, setParams] = useSearchParams();
  const [months] = useState(() => monthsBefore(serverClock.nowMs()));
  const month = params.get("month") ?? months[0] ?? "";
  const node = params.get("node") ?? "all";
  const sheet = useQuery({ queryKey: ["bureau", "sheet", month], queryFn: () => bureauApi.sheet(month) });
  const catalogue = useQuery({
    queryKey: ["bureau", "catalogue"],
    queryFn: bureauApi.catalogue,
    staleTime: Infinity,
  });
  const show = (changes: Record<string, string>) => {
    setParams({ month, node, ...changes });
  };
  const search = (changes: Record<string, string> = {}) =>
    `?${new URLSearchParams({ month, node, ...changes }).toString()}`;
  return { months, month, node, sheet, catalogue, show, search };
}
