import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, Route, Routes } from "react-router";

import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { Waiting } from "../shared/Waiting";
import IndicatorPage from "./IndicatorPage";
import { useView } from "./useView";
import { useIndicatorWords } from "./words";

/** All definitions, and each with its numbers on a page of its own. */
export default function IndicatorsPage(): ReactNode {
  return (
    <Routes>
      <Route path=":code" element={<IndicatorPage />} />
      <Route path="*" element={<Definitions />} />
    </Routes>
  );
}

function Definitions(): ReactNode {
  const { t } = useTranslation("bureau");
  const { t: common } = useTranslation();
  const wordsOf = useIndicatorWords();
  const { catalogue, search } = useView();
  if (catalogue.data === undefined && catalogue.failureReason !== null)
    return <p role="alert">{t("failed", { why: explain(common, catalogue.failureReason) })}</p>;
  if (catalogue.data === undefined) return <Waiting />;
  return (
    <DataTable
      title={t("section.indicators")}
      rows={catalogue.data.indicators}
      rowKey={({ code }) => code}
      empty={t("nothing")}
      columns={[
        {
          title: t("indicator"),
          cell: (one) => <Link to={`/bureau/indicators/${one.code}${search()}`}>{wordsOf(one).name}</Link>,
        },
        { title: t("part"), cell: (one) => wordsOf(one).part },
        { title: t("whole"), cell: (one) => wordsOf(one).whole },
        { title: t("leavesOut"), cell: (one) => wordsOf(one).leaves_out },
      ]}
    />
  );
}
