import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";

import type { AlertSummary } from "../api/types";

/** Brings the alert of a tapped notification to the eye; true: it is no longer open. */
export function useOpened(alerts: readonly AlertSummary[] | null): boolean {
  const [parameters, setParameters] = useSearchParams();
  const [missing, setMissing] = useState<string | null>(null);
  const wanted = parameters.get("alert");
  const known = alerts !== null;
  const there = alerts?.some(({ id }) => id === wanted) ?? false;
  // Said until another notification is tapped.
  if (wanted !== null && known && !there && missing !== wanted) setMissing(wanted);
  if (there && missing === wanted && missing !== null) setMissing(null);
  useEffect(() => {
    if (wanted === null || !known) return;
    if (there) {
      const card = document.getElementById(`card-${wanted}`);
      card?.scrollIntoView({ block: "start" });
      card?.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
      if (card) card.dataset.opened = "true";
    }
    // Taken off the address: the same notification may be tapped again.
    setParameters({}, { replace: true });
  }, [wanted, known, there, setParameters]);
  return missing !== null;
}
