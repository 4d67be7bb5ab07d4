import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as eldersTexts from "./elders/texts";
import * as homebedsTexts from "./homebeds/texts";
import * as ordersTexts from "./orders/texts";
import * as roundsTexts from "./rounds/texts";
import * as texts from "./texts";
import * as visitsTexts from "./visits/texts";

addTexts("care", texts);
addTexts("elders", eldersTexts);
addTexts("homebeds", homebedsTexts);
addTexts("orders", ordersTexts);
addTexts("rounds", roundsTexts);
addTexts("visits", visitsTexts);

const EldersPage = lazy(() => import("./elders/EldersPage"));
const RoundsPages = lazy(() => import("./rounds/RoundsPages"));
const VisitsPages = lazy(() => import("./visits/VisitsPages"));
const HomeBedPages = lazy(() => import("./homebeds/HomeBedPages"));
const OpenRisksPage = lazy(() => import("./elders/OpenRisksPage"));
const AssessmentPages = lazy(() => import("./assessment/AssessmentPages"));

/** Records, assessments, rounds, visits: the work of nurses, assessors and care managers. */
export default function CareArea(): ReactNode {
  const { t } = useTranslation("care");
  const { t: elders } = useTranslation("elders");
  const { t: rounds } = useTranslation("rounds");
  const { t: visits } = useTranslation("visits");
  const { t: homebeds } = useTranslation("homebeds");
  return (
    <AreaPage
      area="care"
      sections={[
        { path: "assessments", label: t("section.assessments"), Page: AssessmentPages },
        { path: "rounds", label: rounds("section"), Page: RoundsPages, permission: "care_read" },
        { path: "visits", label: visits("section"), Page: VisitsPages, permission: "care_read" },
        { path: "homebeds", label: homebeds("section"), Page: HomeBedPages, permission: "care_read" },
        { path: "elders", label: elders("section"), Page: EldersPage },
        { path: "risks", label: elders("riskTasks"), Page: OpenRisksPage },
      ]}
    />
  );
}
