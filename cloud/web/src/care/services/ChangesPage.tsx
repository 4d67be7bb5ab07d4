import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";
import { Waiting } from "../../shared/Waiting";
import { SERVICE_KEYS, services } from "./calls";

/** Which services stand otherwise than before, for whom and why. */
export function ChangesPage(): ReactNode {
  const { t, i18n } = useTranslation("services");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({ queryKey: SERVICE_KEYS.changes, queryFn: services.changes });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  return (
    <DataTable
      title={t("changes.title")}
      rows={data.changes}
      rowKey={(row) => `${row.elder_id} ${row.service} ${row.at}`}
      empty={t("changes.empty")}
      columns={[
        { title: t("tasks.elder"), cell: (row) => <Link to={`/care/elders/${row.elder_id}`}>{row.elder_name}</Link> },
        { title: t("changes.service"), cell: (row) => (i18n.language === "zh" ? row.name : row.name_en) },
        {
          title: t("rules.state"),
          cell: (row) =>
            t("changes.move", { before: t(`standing.${row.before ?? "none"}`), after: t(`standing.${row.after ?? "none"}`) }),
        },
        { title: t("changes.why"), cell: (row) => t(`changes.cause.${row.cause}`) },
        { title: t("tasks.since"), cell: (row) => dayAndClock(row.at) },
      ]}
    />
  );
}
