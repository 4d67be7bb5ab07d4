import { focusManager, QueryClient } from "@tanstack/react-query";

import { CallFailure } from "./failure";

export const KEYS = {
  me: ["me"],
  ways: ["ways-in"],
  open: ["alerts", "open"],
  recent: ["alerts", "recent"],
  alert: (id: string) => ["alert", id],
  status: ["status"],
  coverage: ["coverage"],
} as const;

// Short enough that a list is back within seconds of the server, long enough not to hammer it.
const RETRY_AFTER_MS = [1_000, 2_000, 5_000];

export function createQueryClient(): QueryClient {
  // A desk in a background tab must go on trying: retries would wait for the tab otherwise.
  focusManager.setFocused(true);
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The browser's own idea of "offline" is often wrong on a home's network: always try.
        networkMode: "always",
        retry: (_count, error) => !(error instanceof CallFailure && error.kind === "not_logged_in"),
        retryDelay: (count) => RETRY_AFTER_MS[Math.min(count, RETRY_AFTER_MS.length - 1)] ?? 5_000,
        staleTime: 0,
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
}
