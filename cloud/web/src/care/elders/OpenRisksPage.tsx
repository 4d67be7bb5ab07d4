import { useQuery } from "@tanstack/react-query";
import { type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { Waiting } from "../../shared/Waiting";
import { ELDER_KEYS, elders } from "./calls";

const REFRESH_MS = 60_000;

/** Whose nine risks nobody has assessed yet, and whose review is due. */
export default function OpenRisksPage(): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common, i18n } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: ELDER_KEYS.openRisks,
    queryFn: elders.openRisks,
    refetchInterval: REFRESH_MS,
  });
  const { data: words } = useQuery({ queryKey: ELDER_KEYS.vocabulary, queryFn: elders.vocabulary });
  const names = (risks: readonly string[]) =>
    risks.map((risk) => (i18n.language === "en" ? risk : (words?.risks[risk] ?? risk))).join("、");
  if (failureReason !== null) return <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  if (data === undefined) return <Waiting />;
  return (
    <DataTable
      title={t("riskTasks")}
      rows={data.elders}
      rowKey={({ elder_id }) => elder_id}
      empty={t("noRiskTasks")}
      columns={[
        { title: t("name"), cell: (row) => <Link to={`/care/elders/${row.elder_id}`}>{row.name}</Link> },
        { title: t("place"), cell: (row) => row.place ?? t("noPlace") },
        { title: t("notAssessed"), cell: (row) => names(row.not_assessed) || t("nothing") },
        { title: t("reviewsDue"), cell: (row) => names(row.reviews_due) || t("nothing") },
      ]}
    />
  );
}
