import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { Fetching } from "../../shared/Fetching";
import { useMe } from "../../shared/useMe";
import { type Followup, VISIT_KEYS, visits } from "./calls";

/** What is still to be done after visits. */
export function FollowupsPage(): ReactNode {
  const { t } = useTranslation("visits");
  const { data, failureReason } = useQuery({ queryKey: VISIT_KEYS.followups, queryFn: visits.followups });
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data && <FollowupTable title={t("followups.title")} rows={data.followups} />}
    </>
  );
}

export function FollowupTable({ title, rows }: { title: string; rows: readonly Followup[] }): ReactNode {
  const { t } = useTranslation("visits");
  const { me } = useMe();
  const queryClient = useQueryClient();
  const writes = me?.permissions.includes("care_write") ?? false;
  const done = async (row: Followup, result: string) => {
    await visits.followupDone(row.id, result);
    await queryClient.invalidateQueries({ queryKey: VISIT_KEYS.all });
  };
  return (
    <DataTable
      title={title}
      rows={rows}
      rowKey={({ id }) => id}
      empty={t("followups.empty")}
      columns={[
        { title: t("followups.elder"), cell: (row) => <Link to={`/care/visits/elders/${row.elder_id}`}>{row.elder_name}</Link> },
        { title: t("followups.what"), cell: (row) => row.what },
        { title: t("followups.owner"), cell: (row) => row.owner },
        {
          title: t("followups.due"),
          cell: (row) => (
            <>
              {row.due_on} {row.overdue && <strong className="overdue">{t("followups.overdue")}</strong>}
            </>
          ),
        },
        {
          title: t("followups.state"),
          cell: (row) =>
            row.done_at ? (
              t("followups.done", { by: row.done_by, result: row.result })
            ) : writes ? (
              <AskButton
                label={t("followups.end")}
                title={row.what}
                questions={[{ name: "result", label: t("followups.result"), required: true, multiline: true }]}
                onAnswer={({ result }) => done(row, result ?? "")}
              />
            ) : (
              t("followups.open")
            ),
        },
      ]}
    />
  );
}
