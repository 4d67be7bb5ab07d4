import ConfigProvider from "antd/es/config-provider";
import enUS from "antd/es/locale/en_US";
import zhCN from "antd/es/locale/zh_CN";
import theme from "antd/es/theme";
import i18next from "i18next";
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";

import { HTML_LANGUAGE } from "../i18n";
import {
  loadPreferences,
  type Preferences,
  PreferencesContext,
  savePreferences,
} from "./preferences";
import { isNight, useServerSecond } from "./time";

const BRAND = { light: "#0b6b62", dark: "#4fc3b0" };
// A thumb with a glove on: 48 px (WCAG asks for 44 at its strictest).
const CONTROL_PX = 48;
const ROOT_PX = { normal: 16, large: 20 };

/** Language, brightness and type size for everything below. */
export function Shell({ children }: { children: ReactNode }): ReactNode {
  const [preferences, setPreferences] = useState(loadPreferences);
  const second = useServerSecond();
  const dark = preferences.theme === "auto" ? isNight(second * 1000) : preferences.theme === "dark";

  const change = useCallback((changes: Partial<Preferences>) => {
    setPreferences((before) => {
      const after = { ...before, ...changes };
      savePreferences(after);
      return after;
    });
  }, []);

  const { language, largeType } = preferences;
  useEffect(() => {
    document.documentElement.lang = HTML_LANGUAGE[language];
    if (i18next.language !== language) void i18next.changeLanguage(language);
  }, [language]);
  useEffect(() => {
    const root = document.documentElement;
    root.dataset.theme = dark ? "dark" : "light";
    root.style.fontSize = `${largeType ? ROOT_PX.large : ROOT_PX.normal}px`;
  }, [dark, largeType]);

  const handle = useMemo(() => ({ ...preferences, dark, change }), [preferences, dark, change]);
  const antTheme = useMemo(
    () => ({
      algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
      token: {
        colorPrimary: dark ? BRAND.dark : BRAND.light,
        // Ant's own red can be read neither on white nor on black.
        colorError: dark ? "#ff9d94" : "#c8102e",
        ...(dark ? { colorTextLightSolid: "#06231f" } : {}),
        fontFamily: "inherit",
        fontSize: largeType ? ROOT_PX.large : ROOT_PX.normal,
        controlHeight: CONTROL_PX,
        borderRadius: 8,
      },
    }),
    [dark, largeType],
  );

  return (
    <PreferencesContext value={handle}>
      <ConfigProvider
        locale={language === "zh" ? zhCN : enUS}
        theme={antTheme}
        button={{ autoInsertSpace: false }}
      >
        {children}
      </ConfigProvider>
    </PreferencesContext>
  );
}
