import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { usePreferences } from "./preferences";

export function LanguageSwitch(): ReactNode {
  const { t, i18n } = useTranslation();
  const { change } = usePreferences();
  return (
    <Button
      type="text"
      data-testid="language-switch"
      aria-label={t("header.switchLanguageLabel")}
      lang={i18n.language === "zh" ? "en" : "zh-CN"}
      onClick={() => change({ language: i18n.language === "zh" ? "en" : "zh" })}
    >
      {t("header.switchLanguage")}
    </Button>
  );
}
