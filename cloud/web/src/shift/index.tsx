import "./shift.css";

import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as startDrillTexts from "../shared/drill/texts";
import * as drillPlanTexts from "./drillPlanTexts";
import * as texts from "./texts";

addTexts("shift", texts);
addTexts("drillPlan", drillPlanTexts);
addTexts("startDrill", startDrillTexts);

const NowPage = lazy(() => import("./NowPage"));
const RosterPage = lazy(() => import("./RosterPage"));
const NightPage = lazy(() => import("./NightPage"));
const FiguresPage = lazy(() => import("./FiguresPage"));
const TuningPage = lazy(() => import("./TuningPage"));
const DrillsPage = lazy(() => import("./DrillsPage"));
const PoliciesPage = lazy(() => import("./PoliciesPage"));

/** Who stands guard, whether the chain is whole, how it went. */
export default function ShiftArea(): ReactNode {
  const { t } = useTranslation("shift");
  return (
    <AreaPage
      area="shift"
      sections={[
        { path: "now", label: t("section.now"), Page: NowPage },
        { path: "roster", label: t("section.roster"), Page: RosterPage },
        { path: "night", label: t("section.night"), Page: NightPage, permission: "reports_read" },
        { path: "figures", label: t("section.figures"), Page: FiguresPage, permission: "reports_read" },
        { path: "tuning", label: t("section.tuning"), Page: TuningPage, permission: "alert_rules_manage" },
        { path: "drills", label: t("section.drills"), Page: DrillsPage },
        { path: "policies", label: t("section.policies"), Page: PoliciesPage, permission: "alerts_read" },
      ]}
    />
  );
}
