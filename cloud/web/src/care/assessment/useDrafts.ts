import { useEffect, useSyncExternalStore } from "react";

import { drafts, isUnsent, type Kept, send, sendAll } from "./drafts";

// After the last tap; a nurse who goes on filling in is not interrupted.
const SEND_AFTER_MS = 800;
// Without a network it is tried this often, and at once when the browser says it is back.
const TRY_AGAIN_MS = 5_000;

export function useKept(id: string): Kept | null {
  useSyncExternalStore(drafts.subscribe, drafts.version);
  return drafts.get(id);
}

export function useUnsent(): { id: string; kept: Kept }[] {
  useSyncExternalStore(drafts.subscribe, drafts.version);
  return drafts.all().filter(({ kept }) => isUnsent(kept));
}

/** Sends what this device holds, for as long as a page of the area is open. */
export function useSending(): void {
  useEffect(() => {
    const tryAll = () => void sendAll().catch(() => undefined); // the next try is due already
    tryAll();
    const timer = setInterval(tryAll, TRY_AGAIN_MS);
    window.addEventListener("online", tryAll);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", tryAll);
    };
  }, []);
}

export function useSendSoon(id: string, changes: number | undefined): void {
  useEffect(() => {
    if (changes === undefined) return undefined;
    const timer = setTimeout(() => void send(id).catch(() => undefined), SEND_AFTER_MS);
    return () => clearTimeout(timer);
  }, [id, changes]);
}
