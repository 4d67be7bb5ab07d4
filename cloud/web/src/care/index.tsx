import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as discoveryTexts from "./discovery/texts";
import * as eldersTexts from "./elders/texts";
import * as roundsTexts from "./rounds/texts";
import * as texts from "./texts";

addTexts("care", texts);
addTexts("discovery", discoveryTexts);
addTexts("elders", eldersTexts);
addTexts("rounds", roundsTexts);

const EldersPage = lazy(() => import("./elders/EldersPage"));
const RoundsPages = lazy(() => import("./rounds/RoundsPages"));
const DiscoveryPages = lazy(() => import("./discovery/DiscoveryPages"));
const OpenRisksPage = lazy(() => import("./elders/OpenRisksPage"));
const AssessmentPages = lazy(() => import("./assessment/AssessmentPages"));

/** Records, assessments, rounds, visits: the work of nurses, assessors and care managers. */
export default function CareArea(): ReactNode {
  const { t } = useTranslation("care");
  const { t: elders } = useTranslation("elders");
  const { t: discovery } = useTranslation("discovery");
  const { t: rounds } = useTranslation("rounds");
  return (
    <AreaPage
      area="care"
      sections={[
        { path: "assessments", label: t("section.assessments"), Page: AssessmentPages },
        { path: "rounds", label: rounds("section"), Page: RoundsPages, permission: "care_read" },
        { path: "discovery", label: discovery("section"), Page: DiscoveryPages, permission: "care_read" },
        { path: "elders", label: elders("section"), Page: EldersPage },
        { path: "risks", label: elders("riskTasks"), Page: OpenRisksPage },
      ]}
    />
  );
}
