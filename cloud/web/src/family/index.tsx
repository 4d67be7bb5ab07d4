import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as fieldTexts from "../shared/fieldTexts";
import * as handbookTexts from "../shared/handbookTexts";
import * as oversightTexts from "../shared/oversightTexts";
import * as texts from "./texts";

addTexts("family", texts);
addTexts("fields", fieldTexts);
addTexts("handbook", handbookTexts);
addTexts("oversight", oversightTexts);

const LettersPage = lazy(() => import("./LettersPage"));
const TodayPage = lazy(() => import("./TodayPage"));
const Handbook = lazy(async () => ({ default: (await import("../shared/Handbook")).Handbook }));

/** What relatives may see, told honestly. */
export default function FamilyArea(): ReactNode {
  const { t } = useTranslation("family");
  const { t: handbook } = useTranslation("handbook");
  return (
    <AreaPage
      area="family"
      sections={[
        { path: "today", label: t("section.today"), Page: TodayPage },
        { path: "handbook", label: handbook("section"), Page: Handbook },
        { path: "letters", label: t("section.letters"), Page: LettersPage },
      ]}
    />
  );
}
