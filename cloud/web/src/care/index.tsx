import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as texts from "./texts";

addTexts("care", texts);

const AssessmentPages = lazy(() => import("./assessment/AssessmentPages"));

/** Records, assessments, rounds, visits: the work of nurses, assessors and care managers. */
export default function CareArea(): ReactNode {
  const { t } = useTranslation("care");
  return (
    <AreaPage
      area="care"
      sections={[{ path: "assessments", label: t("section.assessments"), Page: AssessmentPages }]}
    />
  );
}
