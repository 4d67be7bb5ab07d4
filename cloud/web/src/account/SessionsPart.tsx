import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { accountApi } from "./api";

const SESSIONS = ["account", "sessions"];

/** Where one is logged in; anything that is not one's own can be ended. */
export function SessionsPart(): ReactNode {
  const { t, i18n } = useTranslation("account");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const { data, failureReason } = useQuery({ queryKey: SESSIONS, queryFn: accountApi.sessions });
  const end = useMutation({
    mutationFn: accountApi.endSession,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: SESSIONS }),
  });
  const error = end.error ?? failureReason;
  const at = (time: string): string => new Date(time).toLocaleString(i18n.language);
  return (
    <>
      <div role="alert">{error !== null && t("wrong", { why: explain(common, error) })}</div>
      <DataTable
        title={t("sessions.title")}
        rows={data?.sessions ?? []}
        rowKey={({ id }) => id}
        empty={t("sessions.none")}
        columns={[
          { title: t("sessions.device"), cell: (row) => row.user_agent || t("sessions.unknown") },
          { title: t("sessions.since"), cell: (row) => at(row.created_at) },
          { title: t("sessions.used"), cell: (row) => at(row.last_used_at) },
          { title: t("sessions.address"), cell: (row) => row.address },
          {
            title: t("sessions.current"),
            cell: (row) =>
              row.current ? (
                t("sessions.current")
              ) : (
                <Button size="small" onClick={() => end.mutate(row.id)}>
                  {t("sessions.end")}
                </Button>
              ),
          },
        ]}
      />
    </>
  );
}
