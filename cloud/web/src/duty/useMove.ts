import { useMutation } from "@tanstack/react-query";

import { api } from "../api/client";
import { CallFailure, failureFromError } from "../api/failure";
import type { AlertDetail, MoveIn } from "../api/types";

export const ACKNOWLEDGE_KEY = ["acknowledge"] as const;

export type Done = { detail: AlertDetail; /** Someone else was first. */ conflict: boolean };

/**
 * One move of one alert. The screen shows what the server says and nothing before it; when someone
 * was first (409), the answer is the alert as that person left it.
 */
export function useMove(alertId: string, accept: (detail: AlertDetail) => void, key?: readonly string[]) {
  return useMutation<Done, CallFailure, Omit<MoveIn, "client_time">>({
    ...(key ? { mutationKey: [...key, alertId] } : {}),
    mutationFn: async (move) => {
      const client_time = new Date().toISOString();
      try {
        return { detail: await api.move(alertId, { ...move, client_time }), conflict: false };
      } catch (error) {
        const failure = failureFromError(error);
        if (failure.status !== 409) throw failure;
        return { detail: await api.alert(alertId), conflict: true };
      }
    },
    onSuccess: ({ detail }) => accept(detail),
  });
}
