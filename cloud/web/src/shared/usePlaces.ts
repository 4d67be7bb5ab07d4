import { useQuery } from "@tanstack/react-query";

import { answer, client } from "../api/client";

/** The open places of the house; asked for once, whoever needs them. */
export const usePlaces = () =>
  useQuery({ queryKey: ["places"], queryFn: () => answer(client.GET("/api/v1/places")) });

/** Units of whose residents one may open what is kept. */
export function useReachedUnits() {
  const { data, failureReason } = usePlaces();
  return { units: (data?.units ?? []).filter(({ reached }) => reached), failureReason };
}
