import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { CallForm, ChecksField, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { type LevelPlan, ROUND_KEYS, type RoundPlan, rounds } from "./calls";

/** How often people of each level are looked in on; who keeps the rules may change it. */
export function PlanPage(): ReactNode {
  const { t } = useTranslation("rounds");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const { data, failureReason } = useQuery({ queryKey: ROUND_KEYS.plans, queryFn: rounds.plans });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  const keeps = me?.permissions.includes("alert_rules_manage") ?? false;
  return (
    <>
      <p>{t("plan.hint")}</p>
      {data.plans.map((plan) => (
        <Levels key={plan.unit_id ?? "house"} plan={plan} />
      ))}
      {keeps && data.plans[0] && <Edit key={data.plans[0].version} plan={data.plans[0]} />}
    </>
  );
}

function Levels({ plan }: { plan: RoundPlan }): ReactNode {
  const { t } = useTranslation("rounds");
  const words = ({ per_shift, every_min }: LevelPlan["night"]) =>
    every_min ? t("plan.every", { min: every_min }) : t("plan.perShift", { count: per_shift ?? 1 });
  return (
    <DataTable
      title={plan.unit_name ?? t("plan.title")}
      rows={plan.levels}
      rowKey={({ level }) => String(level)}
      empty=""
      columns={[
        { title: t("plan.level"), cell: ({ level }) => level },
        { title: t("plan.night"), cell: ({ night }) => words(night) },
        { title: t("plan.day"), cell: ({ day }) => words(day) },
        { title: t("plan.turning"), cell: (row) => (row.turning_min ? t("plan.every", { min: row.turning_min }) : t("plan.none")) },
      ]}
    />
  );
}

function Edit({ plan }: { plan: RoundPlan }): ReactNode {
  const { t } = useTranslation("rounds");
  const queryClient = useQueryClient();
  const [flags, setFlags] = useState<string[]>([...(plan.active ? ["active"] : []), ...(plan.sensor_allowed ? ["sensor"] : [])]);
  const [grace, setGrace] = useState(String(plan.grace_min));
  const [inARow, setInARow] = useState(String(plan.sensor_in_a_row));
  const [minutes, setMinutes] = useState<Record<number, string>>({});
  const save = async () => {
    const levels = plan.levels.map((one) => {
      const typed = minutes[one.level]?.trim();
      return typed ? { ...one, night: { per_shift: null, every_min: Number(typed) } } : one;
    });
    await rounds.setPlan({
      unit_id: null, active: flags.includes("active"), levels, sensor_allowed: flags.includes("sensor"),
      sensor_in_a_row: Number(inARow), grace_min: Number(grace), version: plan.version,
    });
    await queryClient.invalidateQueries({ queryKey: ROUND_KEYS.plans });
    await queryClient.invalidateQueries({ queryKey: ROUND_KEYS.list });
  };
  return (
    <CallForm title={t("plan.title")} submit={t("plan.save")} onSubmit={save} testId="round-plan">
      <ChecksField
        label={t("nav.plan")}
        value={flags}
        onChange={setFlags}
        options={[
          { value: "active", label: t("plan.active") },
          { value: "sensor", label: t("plan.sensor") },
        ]}
      />
      <TextField label={t("plan.inARow")} type="number" value={inARow} onChange={setInARow} required />
      <TextField label={t("plan.grace")} type="number" value={grace} onChange={setGrace} required />
      {plan.levels.map(({ level }) => (
        <TextField
          key={level}
          label={t("plan.edit", { level })}
          type="number"
          value={minutes[level] ?? ""}
          onChange={(value) => setMinutes({ ...minutes, [level]: value })}
        />
      ))}
    </CallForm>
  );
}
