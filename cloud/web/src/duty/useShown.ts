import { type RefObject, useEffect, useLayoutEffect } from "react";

import { api } from "../api/client";
import { alarmSound, useSoundState } from "../shared/useSound";

// A tenth of the card is its name and place on any screen.
const SEEN_RATIO = 0.1;
const RETRY_MS = 5_000;

/** Which rings of which alerts this login has had on its screen; the server keeps the first time. */
const told = new Set<string>();

/**
 * Stamps the card at its first paint, and tells the server once a person could see it: for each
 * ring anew, and again when the sound comes on, for without it the card was only drawn.
 */
export function useShown(
  card: RefObject<HTMLElement | null>,
  alertId: string,
  rings: number,
  userId: string,
): void {
  const audible = useSoundState() === "running";
  useLayoutEffect(() => {
    const frame = requestAnimationFrame(() => {
      const element = card.current;
      if (element && !element.dataset.shownAt) element.dataset.shownAt = String(Date.now());
    });
    return () => cancelAnimationFrame(frame);
  }, [card]);

  useEffect(() => {
    const element = card.current;
    const key = `${userId}/${alertId}/${rings}/${audible ? "heard" : "seen"}`;
    if (element === null || told.has(key)) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let inView = false;
    let ended = false;

    const tell = () => {
      if (ended || !inView || document.visibilityState !== "visible" || told.has(key)) return;
      told.add(key);
      api.shown(alertId, alarmSound.state).catch(() => {
        told.delete(key);
        if (!ended) timer = setTimeout(tell, RETRY_MS);
      });
    };
    const observer = new IntersectionObserver(
      (entries) => {
        inView = entries.some((entry) => entry.isIntersecting);
        tell();
      },
      { threshold: SEEN_RATIO },
    );
    observer.observe(element);
    document.addEventListener("visibilitychange", tell);
    return () => {
      ended = true;
      clearTimeout(timer);
      observer.disconnect();
      document.removeEventListener("visibilitychange", tell);
    };
  }, [card, alertId, rings, audible, userId]);
}
