import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

export function Waiting(): ReactNode {
  const { t } = useTranslation();
  return (
    <p className="waiting" role="status">
      {t("common.loading")}
    </p>
  );
}
