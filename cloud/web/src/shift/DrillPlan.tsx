import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { AskButton, type Answers } from "../shared/AskButton";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { CallForm, localNow, SelectField, TextField } from "../shared/forms";
import { shortTime } from "../shared/time";
import { useMe } from "../shared/useMe";
import { usePlaces } from "../shared/usePlaces";

type Schemas = components["schemas"];
type Plan = Schemas["DrillPlanOut"];
type Kind = Plan["kind"];
const KINDS: readonly Kind[] = [
  "fire", "evacuation", "fall", "choking", "wandering", "power_cut", "water", "gas", "infection", "food_poisoning",
  "sudden_illness", "alarm_path", "other",
];
const KEY = "drill-plans";
const SECOND_HALF = 3;

/** What drills the year asks for, what is due or overdue, and how each went. */
export function DrillPlan({ drills }: { drills: readonly Schemas["DrillOut"][] }): ReactNode {
  const { t } = useTranslation("drillPlan");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const [year, setYear] = useState(() => localNow().slice(0, 4));
  const number = Number(year);
  const { data, failureReason } = useQuery({
    queryKey: [KEY, number],
    queryFn: () => answer(client.GET("/api/v1/duty/drill-plans", { params: { query: { year: number } } })),
    enabled: number >= 2020 && number <= 2100,
    placeholderData: (before) => before,
  });
  const runs = me?.permissions.includes("drills_run") ?? false;
  const half = data === undefined ? 0 : data.quarter < SECOND_HALF ? 0 : 1;
  return (
    <>
      <TextField label={t("year")} type="number" value={year} onChange={setYear} testId="drill-year" />
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data && (
        <>
          <p>
            {t("halves", { first: data.halves_done[0], second: data.halves_done[1] })}{" "}
            {data.year === Number(localNow().slice(0, 4)) && data.halves_done[half] === 0 && <strong>{t("halfLacks")}</strong>}
          </p>
          <DataTable
            title={t("title", { year: data.year })}
            rows={data.plans}
            rowKey={({ id }) => id}
            empty={t("none")}
            columns={[
              { title: t("quarter"), cell: (row) => t("quarterOf", { year: row.year, quarter: row.quarter }) },
              { title: t("kind"), cell: (row) => [t(`kinds.${row.kind}`), row.note].filter(Boolean).join("：") },
              { title: t("unit"), cell: (row) => row.unit ?? t("house") },
              {
                title: t("status"),
                cell: (row) => (
                  <span className={row.standing === "overdue" ? "guard-bad" : undefined} data-testid="drill-standing" data-standing={row.standing}>
                    {row.standing === "overdue" && "⚠ "}
                    {t(`standing.${row.standing}`)}
                  </span>
                ),
              },
              { title: t("result"), cell: (row) => <Result plan={row} drills={drills} runs={runs} /> },
            ]}
          />
        </>
      )}
      {runs && <AddPlan year={number} />}
    </>
  );
}

function Result({ plan, drills, runs }: { plan: Plan; drills: readonly Schemas["DrillOut"][]; runs: boolean }): ReactNode {
  const { t } = useTranslation("drillPlan");
  const queryClient = useQueryClient();
  const renew = () => queryClient.invalidateQueries({ queryKey: [KEY] });
  const path = { params: { path: { drill_plan_id: plan.id } } };
  const finish = async (answers: Answers) => {
    const participants = (answers.participants ?? "").split(/[、,，\n]+/).map((name) => name.trim()).filter(Boolean);
    const body = {
      done_on: answers.done_on ?? "", participants, remarks: answers.remarks ?? "", drill_id: answers.drill_id === "" ? null : (answers.drill_id ?? null), version: plan.version,
    };
    await answer(client.POST("/api/v1/duty/drill-plans/{drill_plan_id}/done", { ...path, body }));
    await renew();
  };
  const cancel = async (answers: Answers) => {
    const body = { reason: answers.reason ?? "", version: plan.version };
    await answer(client.POST("/api/v1/duty/drill-plans/{drill_plan_id}/cancel", { ...path, body }));
    await renew();
  };
  if (plan.standing === "cancelled") return `${plan.cancelled_by ?? ""}：${plan.cancel_reason}`;
  if (plan.standing === "done") {
    return (
      <>
        {plan.done_on} {t("people", { count: plan.participants.length, names: plan.participants.join("、") })}
        {plan.remarks && <div>{plan.remarks}</div>}
        {plan.drill_id !== null && <div>{t("linked")}</div>}
      </>
    );
  }
  if (!runs) return "";
  return (
    <>
      <AskButton
        label={t("done")}
        testId="drill-done"
        questions={[
          { name: "done_on", label: t("doneOn"), type: "date", required: true, initial: localNow().slice(0, 10) },
          { name: "participants", label: t("participants"), required: true, multiline: true },
          { name: "remarks", label: t("remarks"), multiline: true },
          {
            name: "drill_id", label: t("sheet"),
            options: [{ value: "", label: t("noSheet") }, ...drills.map((drill) => ({ value: drill.id, label: `${shortTime(drill.started_at)} ${drill.shift}` }))],
          },
        ]}
        onAnswer={finish}
      />
      <AskButton label={t("cancel")} questions={[{ name: "reason", label: t("reason"), required: true }]} onAnswer={cancel} />
    </>
  );
}

function AddPlan({ year }: { year: number }): ReactNode {
  const { t } = useTranslation("drillPlan");
  const queryClient = useQueryClient();
  const [kind, setKind] = useState<Kind>("fire");
  const [quarter, setQuarter] = useState(() => String(Math.ceil(Number(localNow().slice(5, 7)) / 3)));
  const [unit, setUnit] = useState("");
  const [note, setNote] = useState("");
  const places = usePlaces();
  const add = async () => {
    const body = { kind, year, quarter: Number(quarter), unit_id: unit || null, note: note.trim() };
    await answer(client.POST("/api/v1/duty/drill-plans", { body }));
    setNote("");
    await queryClient.invalidateQueries({ queryKey: [KEY] });
  };
  return (
    <CallForm title={t("plan")} submit={t("add")} onSubmit={add} testId="plan-drill">
      <SelectField label={t("kind")} value={kind} onChange={(value) => setKind(value as Kind)} testId="drill-kind"
        options={KINDS.map((value) => ({ value, label: t(`kinds.${value}`) }))} />
      <SelectField label={t("quarter")} value={quarter} onChange={setQuarter} testId="drill-quarter"
        options={["1", "2", "3", "4"].map((value) => ({ value, label: t("quarterOf", { year, quarter: value }) }))} />
      <SelectField label={t("unit")} value={unit} onChange={setUnit}
        options={[{ value: "", label: t("house") }, ...(places.data?.units ?? []).map(({ id, name }) => ({ value: id, label: name }))]} />
      <TextField label={t("note")} value={note} onChange={setNote} />
    </CallForm>
  );
}
