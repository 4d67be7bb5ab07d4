/** The desk's self-test: says every few seconds whether somebody in front of it would hear an alert. */
import { useEffect, useRef, useState } from "react";

import { answer, client } from "../api/client";
import type { LiveState } from "../api/live";
import { useSoundState } from "../shared/useSound";
import type { WakeState } from "./useAttention";

// The server's own interval (cloud/alerts/consoles/health.py); it believes a desk for three of them.
const BEAT_MS = 10_000;
const KEY = "yuyue.console";

function consoleId(): string {
  const held = sessionStorage.getItem(KEY);
  if (held !== null) return held;
  const made = crypto.randomUUID();
  sessionStorage.setItem(KEY, made);
  return made;
}

/** true: stands guard; false: the server does not count on this desk; null: not known yet. */
export function useHeartbeat(live: LiveState, wake: WakeState, enabled: boolean): boolean | null {
  const audio = useSoundState();
  const [healthy, setHealthy] = useState<boolean | null>(null);
  const id = useRef<string>(null);
  const connected = live.kind === "connected";
  useEffect(() => {
    if (!enabled) return;
    id.current ??= consoleId();
    let ended = false;
    const said = (closing: boolean) => ({
      console_id: id.current ?? "",
      audio,
      live: connected,
      wake_lock: wake,
      visible: document.visibilityState === "visible",
      closing,
    });
    const beat = () => {
      answer(client.POST("/api/v1/consoles/beat", { body: said(false) })).then(
        (heard) => ended || setHealthy(heard.healthy),
        () => ended || setHealthy(false),
      );
    };
    const close = () => {
      void client.POST("/api/v1/consoles/beat", { body: said(true), keepalive: true });
    };
    beat();
    const timer = setInterval(beat, BEAT_MS);
    window.addEventListener("pagehide", close);
    document.addEventListener("visibilitychange", beat);
    return () => {
      ended = true;
      clearInterval(timer);
      window.removeEventListener("pagehide", close);
      document.removeEventListener("visibilitychange", beat);
    };
  }, [audio, connected, enabled, wake]);
  return healthy;
}
