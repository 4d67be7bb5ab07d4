import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import { useMe } from "../shared/useMe";
import * as texts from "./texts";

addTexts("shift", texts);

const NowPage = lazy(() => import("./NowPage"));
const FiguresPage = lazy(() => import("./FiguresPage"));
const TuningPage = lazy(() => import("./TuningPage"));
const DrillsPage = lazy(() => import("./DrillsPage"));

/** Who stands guard, whether the chain is whole, how it went. */
export default function ShiftArea(): ReactNode {
  const { t } = useTranslation("shift");
  const { me } = useMe();
  const rules = me?.permissions.includes("alert_rules_manage") === true;
  const figures = me?.permissions.includes("reports_read") === true;
  return (
    <AreaPage
      area="shift"
      sections={[
        { path: "now", label: t("section.now"), Page: NowPage },
        ...(figures ? [{ path: "figures", label: t("section.figures"), Page: FiguresPage }] : []),
        ...(rules ? [{ path: "tuning", label: t("section.tuning"), Page: TuningPage }] : []),
        { path: "drills", label: t("section.drills"), Page: DrillsPage },
      ]}
    />
  );
}
