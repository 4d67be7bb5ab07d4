/** What this device remembers of how its screen should be. */
import { createContext, useContext } from "react";

export type ThemeChoice = "auto" | "light" | "dark";

export type Preferences = {
  language: "zh" | "en";
  theme: ThemeChoice;
  largeType: boolean;
};

const STORAGE_KEY = "yuyue.preferences";
const DEFAULTS: Preferences = { language: "zh", theme: "auto", largeType: false };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Damaged or missing settings are the defaults: they are a comfort, not data. */
export function parsePreferences(text: string | null): Preferences {
  let stored: unknown = null;
  try {
    stored = JSON.parse(text ?? "null");
  } catch {
    return DEFAULTS;
  }
  if (!isRecord(stored)) return DEFAULTS;
  const { language, theme, largeType } = stored;
  return {
    language: language === "en" ? "en" : "zh",
    theme: theme === "light" || theme === "dark" ? theme : "auto",
    largeType: largeType === true,
  };
}

export function loadPreferences(): Preferences {
  try {
    return parsePreferences(localStorage.getItem(STORAGE_KEY));
  } catch {
    return DEFAULTS; // storage is forbidden on this device
  }
}

export function savePreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(preferences));
  } catch {
    // Then they hold until the page is closed.
  }
}

export type PreferencesHandle = Preferences & {
  dark: boolean;
  change: (changes: Partial<Preferences>) => void;
};

export const PreferencesContext = createContext<PreferencesHandle | null>(null);

export function usePreferences(): PreferencesHandle {
  const handle = useContext(PreferencesContext);
  if (handle === null) throw new Error("PreferencesContext is missing");
  return handle;
}
