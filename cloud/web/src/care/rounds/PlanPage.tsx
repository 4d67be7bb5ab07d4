import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { CallForm, ChecksField, SelectField, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { usePlaces } from "../../shared/usePlaces";
import { type LevelPlan, type PlanIn, type PlanLoad, ROUND_KEYS, type RoundPlan, rounds } from "./calls";

const HOUSE = "house";

/** How often people of each level are looked in on, house and units; who keeps the rules may change it. */
export function PlanPage(): ReactNode {
  const { t } = useTranslation("rounds");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const [chosen, setChosen] = useState(HOUSE);
  const { data, failureReason } = useQuery({ queryKey: ROUND_KEYS.plans, queryFn: rounds.plans });
  const places = usePlaces();
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  const keeps = me?.permissions.includes("alert_rules_manage") ?? false;
  const [house] = data.plans;
  const own = chosen === HOUSE ? house : data.plans.find(({ unit_id }) => unit_id === chosen);
  // A unit without a plan of its own begins with the house's, as a new one.
  const edited = own ?? (house && { ...house, unit_id: chosen, version: 0 });
  return (
    <>
      <p>{t("plan.hint")}</p>
      {data.plans.map((plan) => (
        <Levels key={plan.unit_id ?? HOUSE} plan={plan} />
      ))}
      {keeps && edited && (
        <>
          <SelectField
            label={t("plan.which")}
            value={chosen}
            onChange={setChosen}
            testId="plan-unit"
            options={[
              { value: HOUSE, label: t("plan.title") },
              ...(places.data?.units ?? []).map(({ id, name }) => ({
                value: id,
                label: data.plans.some(({ unit_id }) => unit_id === id) ? name : `${name}${t("plan.ofHouse")}`,
              })),
            ]}
          />
          <Edit key={chosen} plan={edited} unitId={chosen === HOUSE ? null : chosen} />
        </>
      )}
    </>
  );
}

function Levels({ plan }: { plan: RoundPlan }): ReactNode {
  const { t } = useTranslation("rounds");
  const words = ({ per_shift, every_min }: LevelPlan["night"]) =>
    every_min ? t("plan.every", { min: every_min }) : t("plan.perShift", { count: per_shift ?? 1 });
  const name = plan.unit_name ?? t("plan.title");
  return (
    <DataTable
      title={`${name} · ${plan.active ? t("plan.on") : t("plan.off")}`}
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

type Often = { mode: "per_shift" | "every_min"; value: string };
const oftenOf = ({ per_shift, every_min }: LevelPlan["night"]): Often =>
  every_min ? { mode: "every_min", value: String(every_min) } : { mode: "per_shift", value: String(per_shift ?? 1) };
const frequencyOf = ({ mode, value }: Often): LevelPlan["night"] => ({
  per_shift: mode === "per_shift" ? Number(value) : null,
  every_min: mode === "every_min" ? Number(value) : null,
});

type Draft = { level: number; night: Often; day: Often; turning: string };

function Edit({ plan, unitId }: { plan: RoundPlan; unitId: string | null }): ReactNode {
  const { t } = useTranslation("rounds");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [flags, setFlags] = useState<string[]>([...(plan.active ? ["active"] : []), ...(plan.sensor_allowed ? ["sensor"] : [])]);
  const [grace, setGrace] = useState(String(plan.grace_min));
  const [inARow, setInARow] = useState(String(plan.sensor_in_a_row));
  const [levels, setLevels] = useState<Draft[]>(() =>
    plan.levels.map(({ level, night, day, turning_min }) => ({
      level, night: oftenOf(night), day: oftenOf(day), turning: turning_min ? String(turning_min) : "",
    })),
  );
  // Of what was read here: somebody else's change in between is refused, not written over.
  const [version, setVersion] = useState(plan.version);
  const [load, setLoad] = useState<PlanLoad | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const wanted = (): PlanIn => ({
    unit_id: unitId, active: flags.includes("active"), sensor_allowed: flags.includes("sensor"),
    sensor_in_a_row: Number(inARow), grace_min: Number(grace), version,
    levels: levels.map(({ level, night, day, turning }) => ({
      level, night: frequencyOf(night), day: frequencyOf(day), turning_min: turning.trim() === "" ? null : Number(turning),
    })),
  });
  const change = (level: number, changes: Partial<Draft>) => {
    setLoad(null);
    setLevels((before) => before.map((one) => (one.level === level ? { ...one, ...changes } : one)));
  };
  const preview = async () => {
    setFailure(null);
    try {
      setLoad(await rounds.load(wanted()));
    } catch (problem) {
      setFailure(explain(common, problem));
    }
  };
  const save = async () => {
    setVersion((await rounds.setPlan(wanted())).version);
    await queryClient.invalidateQueries({ queryKey: ROUND_KEYS.plans });
    await queryClient.invalidateQueries({ queryKey: ROUND_KEYS.list });
  };
  return (
    <CallForm title={t("plan.change")} submit={t("plan.save")} onSubmit={save} testId="round-plan">
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
      {levels.map((one) => (
        <fieldset key={one.level} className="plan-level" data-testid={`plan-level-${String(one.level)}`}>
          <legend>{t("plan.ofLevel", { level: one.level })}</legend>
          <OftenField label={t("plan.night")} often={one.night} onChange={(night) => change(one.level, { night })} />
          <OftenField label={t("plan.day")} often={one.day} onChange={(day) => change(one.level, { day })} />
          <TextField
            label={t("plan.turningMin")} type="number" value={one.turning} onChange={(turning) => change(one.level, { turning })}
          />
        </fieldset>
      ))}
      <div className="plan-preview">
        <Button onClick={() => void preview()} data-testid="plan-preview">
          {t("plan.preview")}
        </Button>
        {failure !== null && <p role="alert">{failure}</p>}
        {load && <Load load={load} />}
      </div>
    </CallForm>
  );
}

function OftenField({ label, often, onChange }: { label: string; often: Often; onChange: (often: Often) => void }): ReactNode {
  const { t } = useTranslation("rounds");
  return (
    <>
      <SelectField
        label={label}
        value={often.mode}
        onChange={(mode) => onChange({ ...often, mode: mode as Often["mode"] })}
        options={[
          { value: "per_shift", label: t("plan.timesPerShift") },
          { value: "every_min", label: t("plan.minutesBetween") },
        ]}
      />
      <TextField
        label={`${label} · ${often.mode === "per_shift" ? t("plan.times") : t("plan.minutes")}`}
        type="number"
        value={often.value}
        onChange={(value) => onChange({ ...often, value })}
        required
      />
    </>
  );
}

/** What the plan would ask of each shift beside what is asked now. */
function Load({ load }: { load: PlanLoad }): ReactNode {
  const { t } = useTranslation("rounds");
  const rows = load.units.flatMap((unit) =>
    unit.wanted.map((wanted, index) => ({ unit: unit.unit, people: unit.people, wanted, now: unit.now[index] })),
  );
  return (
    <div data-testid="plan-load">
      <DataTable
        title={t("plan.load")}
        rows={rows}
        rowKey={(row) => `${row.unit} ${row.wanted.shift}`}
        empty={t("empty")}
        columns={[
          { title: t("sheet.unit"), cell: (row) => row.unit },
          { title: t("plan.shift"), cell: (row) => row.wanted.shift },
          {
            title: t("plan.people"),
            cell: (row) =>
              Object.entries(row.people)
                .map(([level, count]) => t("plan.ofEach", { level, count }))
                .join("、"),
          },
          { title: t("plan.perHour"), cell: (row) => t("plan.was", { now: row.wanted.rounds_per_h, before: row.now?.rounds_per_h ?? "" }) },
          { title: t("plan.turningsPerHour"), cell: (row) => row.wanted.turnings_per_h },
          { title: t("plan.inShift"), cell: (row) => row.wanted.rounds },
        ]}
      />
    </div>
  );
}
