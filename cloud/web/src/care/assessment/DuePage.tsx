import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { Fetching } from "../../shared/Fetching";
import { assessmentApi, type DueList } from "./api";
import { useUnsent } from "./useDrafts";

type Row = DueList["due"][number];

function DueCell({ row }: { row: Row }): ReactNode {
  const { t } = useTranslation("care");
  const days = row.overdue_days;
  if (row.events !== null) {
    const key = row.events === row.falls ? "due.falls" : "due.events";
    return <strong className="overdue">{t(key, { count: row.events })}</strong>;
  }
  if (row.asked_why !== null) return <strong>{t("due.asked", { why: row.asked_why })}</strong>;
  if (days === null) return <strong>{t("due.never")}</strong>;
  if (days > 0) return <strong className="overdue">{t("due.overdue", { days })}</strong>;
  return t("due.dueIn", { days: -days });
}

/** Whose assessment is due, and what this device still has to send. */
export function DuePage(): ReactNode {
  const { t } = useTranslation("care");
  const unsent = useUnsent();
  const { data, failureReason } = useQuery({ queryKey: ["assessments", "due"], queryFn: assessmentApi.due });
  return (
    <>
      {unsent.length > 0 && (
        <div role="status" className="banner banner-warn">
          <p>{t("due.unsent", { count: unsent.length })}</p>
          <ul>
            {unsent.map(({ id, kept }) => (
              <li key={id}>
                <Link to={`${kept.elderId}/${id}`} state={{ name: kept.elderName }}>
                  {kept.elderName || t("due.unnamed")} · {kept.draft.reference_date}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      )}
      <Fetching of={{ data, failureReason }} failed={(why) => t("due.failed", { why })} />
      {data !== undefined && (
        <>
          <p>
            {t("due.hint", { days: data.interval_days })} <Link to="settings">{t("settings.title")}</Link>
          </p>
          <DataTable
            title={t("due.title")}
            rows={data.due}
            rowKey={({ elder_id }) => elder_id}
            empty={t("due.empty")}
            columns={[
              {
                title: t("due.elder"),
                cell: (row) => (
                  <Link to={row.elder_id} state={{ name: row.elder_name }}>
                    {row.elder_name}
                  </Link>
                ),
              },
              { title: t("due.lastLevel"), cell: (row) => row.last_level ?? "–" },
              { title: t("due.lastOn"), cell: (row) => row.last_on ?? "–" },
              { title: t("due.due"), cell: (row) => <DueCell row={row} /> },
            ]}
          />
        </>
      )}
    </>
  );
}
