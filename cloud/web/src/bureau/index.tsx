import "./bureau.css";

import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as caremapTexts from "../shared/caremap/texts";
import * as texts from "./texts";

addTexts("bureau", texts);
addTexts("caremap", caremapTexts);

const MonthPage = lazy(() => import("./MonthPage"));
const MapPage = lazy(() => import("./MapPage"));
const IndicatorsPage = lazy(() => import("./IndicatorsPage"));

/** Counts of institutions, never of whom: for the bureau, and for a house what the bureau sees. */
export default function BureauArea(): ReactNode {
  const { t } = useTranslation("bureau");
  return (
    <AreaPage
      area="bureau"
      sections={[
        { path: "month", label: t("section.month"), Page: MonthPage },
        { path: "map", label: t("section.map"), Page: MapPage },
        { path: "indicators", label: t("section.indicators"), Page: IndicatorsPage },
      ]}
    />
  );
}
