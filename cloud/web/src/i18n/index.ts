import i18next, { type i18n } from "i18next";
import { initReactI18next } from "react-i18next";

import { loadPreferences } from "../shared/preferences";
import type { AreaTexts } from "./areas";
import { en } from "./en";
import type { Texts } from "./texts";
import { zh } from "./zh";

declare module "i18next" {
  // Only an interface can be extended.
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions
  interface CustomTypeOptions {
    resources: { translation: Texts } & AreaTexts;
  }
}

export type Language = "zh" | "en";

export const HTML_LANGUAGE: Record<Language, string> = { zh: "zh-CN", en: "en" };

/** Both languages are in the page: at 03:00 a switch must not need the network. */
export function startI18n(language: Language = loadPreferences().language): i18n {
  void i18next.use(initReactI18next).init({
    resources: { zh: { translation: zh }, en: { translation: en } },
    lng: language,
    fallbackLng: "zh",
    interpolation: { escapeValue: false },
    initAsync: false,
  });
  document.documentElement.lang = HTML_LANGUAGE[language];
  return i18next;
}

/** What every text file of an area exports; the English texts have the keys of the Chinese. */
export type AreaBundle<Chinese> = { zh: Chinese; en: Chinese };

/** The texts of an area come with its code, both languages at once. */
export function addTexts<Name extends keyof AreaTexts>(
  name: Name,
  texts: AreaBundle<AreaTexts[Name]>,
): void {
  for (const language of ["zh", "en"] as const) {
    i18next.addResourceBundle(language, name, texts[language], true, true);
  }
}
