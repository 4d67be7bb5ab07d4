import { useSyncExternalStore } from "react";

import { AlarmSound, type SoundState } from "./alarmSound";

/** One for the page: the login's click already lets it play, and leaving the desk ends it. */
export const alarmSound = new AlarmSound();

export function useSoundState(): SoundState {
  return useSyncExternalStore(alarmSound.subscribe, () => alarmSound.state);
}

export function useRinging(): boolean {
  return useSyncExternalStore(alarmSound.subscribe, () => alarmSound.ringing);
}
