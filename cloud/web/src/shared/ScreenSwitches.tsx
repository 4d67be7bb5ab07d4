import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { type ThemeChoice, usePreferences } from "./preferences";

const NEXT_THEME: Record<ThemeChoice, ThemeChoice> = { auto: "light", light: "dark", dark: "auto" };

/** Large type, and bright or dark. */
export function ScreenSwitches(): ReactNode {
  const { t } = useTranslation();
  const { theme, largeType, change } = usePreferences();
  const themeName = { auto: t("header.themeAuto"), light: t("header.themeLight"), dark: t("header.themeDark") };
  return (
    <>
      <Button type="text" aria-pressed={largeType} onClick={() => change({ largeType: !largeType })}>
        <span aria-hidden="true">{largeType ? "☑ " : "☐ "}</span>
        {t("header.largeType")}
      </Button>
      <Button type="text" onClick={() => change({ theme: NEXT_THEME[theme] })}>
        {`${t("header.theme")} · ${themeName[theme]}`}
      </Button>
    </>
  );
}
