import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { safety, SAFETY_KEYS } from "./calls";

/** What each of an elder's nine risks was said to be, when and by whom. */
export function RiskHistory({ id }: { id: string }): ReactNode {
  const { t } = useTranslation("safety");
  const { data } = useQuery({ queryKey: SAFETY_KEYS.history(id), queryFn: () => safety.history(id) });
  return (
    <DataTable
      title={t("historyTitle")}
      rows={data?.changes ?? []}
      rowKey={(row) => `${row.risk} ${String(row.version)}`}
      empty={t("noHistory")}
      columns={[
        { title: t("when"), cell: (row) => dayAndClock(row.at) },
        { title: t("risk"), cell: (row) => t(`kind.${row.risk}`) },
        { title: t("state_"), cell: (row) => t(`level.${row.level}`) },
        { title: t("measures"), cell: (row) => row.measures },
        { title: t("owner"), cell: (row) => row.owner },
        { title: t("review"), cell: (row) => row.review_on ?? "" },
        { title: t("by"), cell: (row) => row.by },
      ]}
    />
  );
}
