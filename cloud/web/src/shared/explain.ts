import type { TFunction } from "i18next";

import { failureFromError } from "../api/failure";

/** Why a call failed, in words for the screen. */
export function explain(t: TFunction, error: unknown): string {
  const failure = failureFromError(error);
  switch (failure.kind) {
    case "network":
      return t("failure.network");
    case "timeout":
      return t("failure.timeout");
    case "server":
      return t("failure.server", { status: failure.status });
    case "refused":
    case "not_logged_in":
      return t("failure.refused", { detail: failure.detail });
  }
}
