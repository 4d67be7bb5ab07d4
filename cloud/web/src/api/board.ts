/** The alerts a desk knows: lists from the server and live events, put together without races. */
import { isOpen, type AlertList, type AlertSummary } from "./types";

/** One live event that may be newer than a list still on its way. */
export type Heard = { position: number; alert: AlertSummary };

/** Enough for any list in flight: it answers within CALL_TIMEOUT_MS. */
const KEPT = 500;

const newestFirst = (a: AlertSummary, b: AlertSummary): number =>
  b.raised_at.localeCompare(a.raised_at) || b.id.localeCompare(a.id);

/** `alert` in place of what the list holds of it, unless that is newer already. */
export function withAlert(alerts: readonly AlertSummary[], alert: AlertSummary): AlertSummary[] {
  const known = alerts.find((other) => other.id === alert.id);
  if (known && known.updated_at > alert.updated_at) return [...alerts];
  const others = alerts.filter((other) => other.id !== alert.id);
  return (isOpen(alert) ? [...others, alert] : others).sort(newestFirst);
}

/** What was heard live since the last lists, so that a slow list cannot bring back an old state. */
export class HeardLog {
  private heard: Heard[] = [];

  add(position: number | null, alert: AlertSummary): void {
    this.heard.push({ position: position ?? Number.MAX_SAFE_INTEGER, alert });
    if (this.heard.length > KEPT) this.heard = this.heard.slice(-KEPT);
  }

  /** The list, brought up to what was heard after its position. */
  reconcile(list: AlertList): AlertList {
    let alerts = [...list.alerts].sort(newestFirst);
    for (const { position, alert } of this.heard) {
      if (position > list.position) alerts = withAlert(alerts, alert);
    }
    this.heard = this.heard.filter(({ position }) => position > list.position);
    return { ...list, alerts };
  }

  clear(): void {
    this.heard = [];
  }
}
