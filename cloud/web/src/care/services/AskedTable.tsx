import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { dateOf } from "../../shared/dayAndClock";
import { useMe } from "../../shared/useMe";
import { type Asked, SERVICE_KEYS, services } from "./calls";

const OUTCOMES = ["done", "refused", "not_met"] as const;
type Outcome = (typeof OUTCOMES)[number];

/** Where each kind is done: the visit ends by its check-in, the assessment by being filed. */
const WHERE: Record<Asked["kind"], (elder_id: string) => string> = {
  visit: (elder_id) => `/care/visits/elders/${elder_id}`,
  assessment: (elder_id) => `/care/assessments/${elder_id}`,
  home_bed_application: () => "/care/homebeds",
  service_application: (elder_id) => `/care/elders/${elder_id}`,
};

/** What somebody has asked for and nobody has done yet, the earliest due first. */
export function AskedTable({ tasks }: { tasks: readonly Asked[] }): ReactNode {
  const { t } = useTranslation("services");
  const { me } = useMe();
  const queryClient = useQueryClient();
  const [today] = useState(() => dateOf(Date.now()));
  const end = async (task: Asked, outcome: Outcome, result: string) => {
    await services.endAsked(task.id, { outcome, result });
    await queryClient.invalidateQueries({ queryKey: SERVICE_KEYS.asked });
  };
  return (
    <DataTable
      title={t("asked.title")}
      rows={tasks}
      rowKey={({ id }) => id}
      empty={t("asked.empty")}
      columns={[
        { title: t("tasks.elder"), cell: (task) => <Link to={WHERE[task.kind](task.elder_id)}>{task.elder_name}</Link> },
        { title: t("asked.what"), cell: (task) => `${t(`asked.kinds.${task.kind}`)}${task.why && `：${task.why}`}` },
        {
          title: t("asked.due"),
          cell: (task) => (
            <>
              {task.due_on} {task.due_on < today && <strong className="overdue">{t("asked.late")}</strong>}
            </>
          ),
        },
        { title: t("asked.by"), cell: (task) => task.asked_by },
        {
          title: t("asked.end"),
          cell: (task) =>
            me?.permissions.includes("care_write") && (
              <AskButton
                label={t("asked.end")}
                title={`${task.elder_name}：${t(`asked.kinds.${task.kind}`)}`}
                questions={[
                  {
                    name: "outcome", label: t("asked.outcome"), required: true, initial: "done",
                    options: OUTCOMES.map((value) => ({ value, label: t(`asked.outcomes.${value}`) })),
                  },
                  { name: "result", label: t("tasks.note") },
                ]}
                onAnswer={({ outcome, result = "" }) => end(task, (outcome ?? "done") as Outcome, result)}
              />
            ),
        },
      ]}
    />
  );
}
