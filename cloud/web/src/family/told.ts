import { useTranslation } from "react-i18next";

/** The server's words in the language of the screen. */
export function useTold(): (told: { text_zh: string; text_en: string }) => string {
  const { i18n } = useTranslation();
  return ({ text_zh, text_en }) => (i18n.language === "en" ? text_en : text_zh);
}
