import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as oversightTexts from "../shared/oversightTexts";
import * as texts from "./texts";

addTexts("family", texts);
addTexts("oversight", oversightTexts);

const LettersPage = lazy(() => import("./LettersPage"));
const TodayPage = lazy(() => import("./TodayPage"));

/** What relatives may see, told honestly. */
export default function FamilyArea(): ReactNode {
  const { t } = useTranslation("family");
  return (
    <AreaPage
      area="family"
      sections={[
        { path: "today", label: t("section.today"), Page: TodayPage },
        { path: "letters", label: t("section.letters"), Page: LettersPage },
      ]}
    />
  );
}
