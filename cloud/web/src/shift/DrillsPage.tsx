import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { shortTime } from "../shared/time";

/** The result sheet: how fast whom, in which shift, announced or not. */
export default function DrillsPage(): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const found = useQuery({
    queryKey: ["drills"],
    queryFn: () => answer(client.GET("/api/v1/duty/drills")),
  });
  if (found.error !== null) return <p role="alert">{t("failed", { why: explain(plain, found.error) })}</p>;
  const never = t("drills.never");
  return (
    <DataTable
      title={t("drills.title")}
      rows={found.data?.drills ?? []}
      rowKey={(row) => row.id}
      empty={t("drills.none")}
      columns={[
        { title: t("drills.at"), cell: (row) => shortTime(row.started_at) },
        { title: t("drills.shift"), cell: (row) => row.shift },
        { title: t("drills.announced"), cell: (row) => (row.announced ? t("drills.yes") : t("drills.no")) },
        { title: t("drills.acknowledged"), cell: (row) => row.acknowledged_s ?? never },
        { title: t("drills.arrived"), cell: (row) => row.arrived_s ?? never },
        { title: t("drills.step"), cell: (row) => row.step },
        { title: t("drills.by"), cell: (row) => row.acknowledged_by ?? never },
      ]}
    />
  );
}
