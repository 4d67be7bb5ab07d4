import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { AskedTable } from "./AskedTable";
import { SERVICE_KEYS, services, type Task } from "./calls";

const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

/** One place to work things off: what was asked for, and what rules and lists have found. */
export function TasksPage(): ReactNode {
  const { t, i18n } = useTranslation("services");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const { data, failureReason } = useQuery({ queryKey: SERVICE_KEYS.tasks, queryFn: services.tasks });
  const asked = useQuery({ queryKey: SERVICE_KEYS.asked, queryFn: services.asked });
  const failed = failureReason ?? asked.failureReason;
  if (data === undefined || asked.data === undefined) {
    return failed === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failed) })}</p>;
  }
  const end = async (task: Task, outcome: "done" | "dismissed", note: string) => {
    await services.endTask(task.id, { outcome, note });
    await queryClient.invalidateQueries({ queryKey: SERVICE_KEYS.tasks });
  };
  const why = ({ kind, detail }: Task) =>
    kind === "entitlement_met"
      ? t("tasks.met", { name: text(i18n.language === "zh" ? detail.name : detail.name_en) })
      : t("tasks.list", { source: text(detail.source), line: text(detail.line) || "–", status: text(detail.status) });
  const also = (task: Task) =>
    asked.data.tasks.filter(({ elder_id }) => elder_id === task.elder_id).map((one) => (
      <small key={one.id}> {t("tasks.also", { kind: t(`asked.kinds.${one.kind}`), due: one.due_on })}</small>
    ));
  return (
    <>
    <AskedTable tasks={asked.data.tasks} />
    <DataTable
      title={t("tasks.title")}
      rows={data.clues}
      rowKey={({ id }) => id}
      empty={t("tasks.empty")}
      columns={[
        {
          title: t("tasks.elder"),
          cell: (task) =>
            task.elder_id === null ? (
              <Link to={`/care/matching/${text(task.detail.list_id)}`}>{t("tasks.openList")}</Link>
            ) : (
              <Link to={`/care/elders/${task.elder_id}`}>{task.elder_name}</Link>
            ),
        },
        { title: t("tasks.what"), cell: (task) => <>{why(task)}{also(task)}</> },
        { title: t("tasks.since"), cell: (task) => dayAndClock(task.opened_at) },
        {
          title: t("tasks.done"),
          cell: (task) =>
            me?.permissions.includes("care_write") && (
              <>
                <AskButton
                  label={t("tasks.done")}
                  questions={[{ name: "note", label: t("tasks.note") }]}
                  onAnswer={({ note = "" }) => end(task, "done", note)}
                />
                <AskButton
                  label={t("tasks.dismiss")}
                  questions={[{ name: "note", label: t("tasks.why"), required: true }]}
                  onAnswer={({ note = "" }) => end(task, "dismissed", note)}
                />
              </>
            ),
        },
      ]}
    />
    </>
  );
}
