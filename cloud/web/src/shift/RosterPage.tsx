import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { AskButton } from "../shared/AskButton";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { CallForm, localNow, SelectField, TextField, toIso } from "../shared/forms";
import { serverClock, shortTime } from "../shared/time";
import { useMe } from "../shared/useMe";
import { Waiting } from "../shared/Waiting";

type Roster = components["schemas"]["RosterOut"];
type Duty = Roster["duties"][number];
type DutyAs = Duty["duty_as"];

const DAY_MS = 86_400_000;
const SPANS = [1, 7, 14, 31] as const;
const AS: readonly DutyAs[] = ["duty", "head_nurse", "manager"];
// A roster is typed in for two weeks at a time; what repeats longer is copied.
const MOST_DAYS = 31;
const DEFAULT_HOURS = "8";

const shifted = (time: string, days: number): string => new Date(Date.parse(time) + days * DAY_MS).toISOString();

/** Who is on duty when, for which unit, as what; and what is missing in it. */
export default function RosterPage(): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const [days, setDays] = useState("7");
  const [nowMs] = useState(() => serverClock.nowMs());
  const span = { begin: new Date(nowMs).toISOString(), end: new Date(nowMs + Number(days) * DAY_MS).toISOString() };
  const { data, failureReason: error } = useQuery({
    queryKey: ["roster", days, nowMs],
    queryFn: () => answer(client.GET("/api/v1/duty/roster", { params: { query: span } })),
  });
  const done = async () => {
    await queryClient.invalidateQueries({ queryKey: ["roster"] });
  };
  if (data === undefined) {
    return error === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(plain, error) })}</p>;
  }
  const manages = me?.permissions.includes("roster_manage") === true;
  return (
    <>
      <div className="tools">
        <SelectField
          label={t("roster.span")}
          value={days}
          onChange={setDays}
          options={SPANS.map((each) => ({ value: String(each), label: t("roster.days", { count: each }) }))}
        />
        {manages && data.duties.length > 0 && (
          <AskButton
            label={t("roster.copy")}
            title={t("roster.copyAsk", { count: data.duties.length, days })}
            testId="roster-copy"
            onAnswer={async () => {
              await copyOn(data.duties, Number(days));
              await done();
            }}
          />
        )}
      </div>
      <DataTable
        title={t("section.roster")}
        rows={data.duties}
        rowKey={(row) => row.id}
        empty={t("roster.none")}
        columns={[
          { title: t("roster.from"), cell: (row) => shortTime(row.starts_at) },
          { title: t("now.until"), cell: (row) => shortTime(row.ends_at) },
          { title: t("now.name"), cell: (row) => row.name },
          { title: t("now.as"), cell: (row) => t(`now.${row.duty_as}`) },
          { title: t("now.unit"), cell: (row) => row.unit ?? t("now.wholeHouse") },
          { title: t("now.reach"), cell: (row) => (row.has_way ? t("now.hasWay") : t("roster.noPhone")) },
          ...(manages
            ? [{ title: t("roster.remove"), cell: (row: Duty) => <Remove duty={row} done={done} /> }]
            : []),
        ]}
      />
      {manages && <AddDuty roster={data} done={done} />}
    </>
  );
}

/** The same duties again, right after the span shown: a rotation without typing. */
async function copyOn(duties: readonly Duty[], days: number): Promise<void> {
  for (const { user_id, duty_as, unit_id, starts_at, ends_at } of duties) {
    const body = { user_id, duty_as, unit_id, starts_at: shifted(starts_at, days), ends_at: shifted(ends_at, days) };
    await answer(client.POST("/api/v1/duty/roster", { body }));
  }
}

function Remove({ duty, done }: { duty: Duty; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("shift");
  return (
    <AskButton
      label={t("roster.remove")}
      title={t("roster.removeAsk", { name: duty.name, from: shortTime(duty.starts_at) })}
      onAnswer={async () => {
        await answer(client.DELETE("/api/v1/duty/roster/{duty_id}", { params: { path: { duty_id: duty.id } } }));
        await done();
      }}
    />
  );
}

function AddDuty({ roster, done }: { roster: Roster; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const [user, setUser] = useState("");
  const [as, setAs] = useState<DutyAs>("duty");
  const [unit, setUnit] = useState("");
  const [from, setFrom] = useState(() => localNow(serverClock.nowMs()));
  const [hours, setHours] = useState(DEFAULT_HOURS);
  const [days, setDays] = useState("1");
  const add = async () => {
    const first = toIso(from);
    const ends = new Date(Date.parse(first) + Number(hours) * 3_600_000).toISOString();
    for (let day = 0; day < Math.min(Number(days), MOST_DAYS); day += 1) {
      const body = {
        user_id: user,
        duty_as: as,
        unit_id: unit === "" ? null : unit,
        starts_at: shifted(first, day),
        ends_at: shifted(ends, day),
      };
      await answer(client.POST("/api/v1/duty/roster", { body }));
    }
    await done();
  };
  return (
    <CallForm title={t("roster.add")} submit={t("roster.add")} onSubmit={add} testId="add-duty">
      <SelectField
        label={t("now.name")}
        value={user}
        onChange={setUser}
        required
        testId="duty-user"
        options={[
          { value: "", label: plain("form.choose") },
          ...roster.people.map(({ id, name }) => ({ value: id, label: name })),
        ]}
      />
      <SelectField
        label={t("now.as")}
        value={as}
        onChange={(value) => setAs(value as DutyAs)}
        testId="duty-as"
        options={AS.map((value) => ({ value, label: t(`now.${value}`) }))}
      />
      <SelectField
        label={t("now.unit")}
        value={unit}
        onChange={setUnit}
        options={[
          { value: "", label: t("now.wholeHouse") },
          ...roster.units.map(({ id, name }) => ({ value: id, label: name })),
        ]}
      />
      <TextField label={t("roster.from")} value={from} onChange={setFrom} type="datetime-local" required testId="duty-from" />
      <TextField label={t("roster.hours")} value={hours} onChange={setHours} type="number" required />
      <TextField label={t("roster.repeat")} value={days} onChange={setDays} type="number" required hint={t("roster.repeatHint")} />
    </CallForm>
  );
}
