import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { ElderPicker } from "../../shared/ElderPicker";
import { explain } from "../../shared/explain";
import { CallForm, ChecksField, SelectField, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { useReachedUnits } from "../../shared/usePlaces";
import { HANDOVER_KEYS, handovers, notes, type Overview } from "./calls";

const EVERY_MS = 30_000;

/** The shift that runs and the one before, of one unit; below them how it went earlier. */
export function OverviewPage(): ReactNode {
  const { t } = useTranslation("handover");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const [search, setSearch] = useSearchParams();
  const { units, failureReason: noUnits } = useReachedUnits();
  const unit = search.get("unit") ?? units[0]?.id ?? "";
  const { data, failureReason } = useQuery({
    queryKey: HANDOVER_KEYS.of(unit),
    queryFn: () => handovers.of(unit),
    refetchInterval: EVERY_MS,
    enabled: unit !== "",
  });
  const failure = noUnits ?? failureReason;
  const may = (permission: string) => (me?.permissions as string[] | undefined)?.includes(permission) ?? false;
  return (
    <>
      <div className="form-head">
        <SelectField
          label={t("unit")}
          value={unit}
          onChange={(value) => setSearch({ unit: value })}
          testId="handover-unit"
          options={units.map(({ id, name }) => ({ value: id, label: name }))}
        />
      </div>
      {failure !== null && (
        <p role="alert" className="banner">
          {t("failed", { why: explain(common, failure) })}
        </p>
      )}
      {data === undefined ? failure === null && <Waiting /> : <Shifts overview={data} />}
      {may("care_write") && <NoteForm />}
      {data && <History overview={data} />}
      {data && may("alert_rules_manage") && <Settings key={data.settings.version} overview={data} />}
    </>
  );
}

function Shifts({ overview }: { overview: Overview }): ReactNode {
  const { t } = useTranslation("handover");
  const now = Date.parse(overview.server_time);
  return (
    <section aria-labelledby="handover-shifts">
      <h2 id="handover-shifts">{t("title")}</h2>
      {!overview.settings.active && <p role="status">{t("settings.off")}</p>}
      <ul className="handover-shifts">
        {overview.shifts.map((shift) => {
          const { handover } = shift;
          const open = handover !== null || Date.parse(shift.from_at) <= now;
          return (
            <li key={shift.starts_at} data-testid="handover-shift" data-state={handover?.state ?? "none"} data-missing={shift.missing}>
              <h3>
                {t("shiftLine", { name: shift.shift, from: dayAndClock(shift.starts_at), until: dayAndClock(shift.ends_at) })}
              </h3>
              <p>
                {t(`state.${handover?.state ?? "none"}`)}
                {handover?.giver && ` · ${t("giver")} ${handover.giver}`}
                {handover?.taker && ` · ${t("taker")} ${handover.taker}`}
              </p>
              {shift.missing && <p className="handover-missing">⚠ {t("missing")}</p>}
              {handover?.state === "taken" ? (
                <Link to={`/care/handover/${handover.id}`}>{t("view")}</Link>
              ) : open ? (
                <Link className="handover-open" to={`/care/handover/sheet?${new URLSearchParams({ unit: overview.unit_id, shift: shift.starts_at }).toString()}`}>
                  {t("openSheet")}
                </Link>
              ) : (
                <p>{t("fromAt", { at: dayAndClock(shift.from_at) })}</p>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function History({ overview }: { overview: Overview }): ReactNode {
  const { t } = useTranslation("handover");
  return (
    <DataTable
      title={t("history")}
      rows={overview.history}
      rowKey={({ id }) => id}
      empty={t("noHistory")}
      columns={[
        { title: t("shift"), cell: (row) => `${dayAndClock(row.shift_starts_at)} ${row.shift}` },
        { title: t("status"), cell: (row) => t(`state.${row.state}`) },
        { title: t("giver"), cell: (row) => row.giver ?? "" },
        { title: t("taker"), cell: (row) => row.taker ?? "" },
        { title: t("at"), cell: (row) => (row.taken_at ? dayAndClock(row.taken_at) : "") },
        { title: t("view"), cell: (row) => <Link to={`/care/handover/${row.id}`}>{t("view")}</Link> },
      ]}
    />
  );
}

function NoteForm(): ReactNode {
  const { t } = useTranslation("handover");
  const queryClient = useQueryClient();
  const [id, setId] = useState(() => crypto.randomUUID());
  const [elder, setElder] = useState("");
  const [text, setText] = useState("");
  const [flags, setFlags] = useState<string[]>([]);
  const send = async () => {
    await notes.add(elder, { id, text, important: flags.includes("important") });
    setId(crypto.randomUUID());
    setText("");
    setFlags([]);
    await queryClient.invalidateQueries({ queryKey: HANDOVER_KEYS.notes(elder) });
  };
  return (
    <CallForm title={t("note.title")} submit={t("note.submit")} onSubmit={send} testId="observation-form">
      <ElderPicker label={t("elder")} value={elder} onChange={setElder} />
      <TextField label={t("note.text")} value={text} onChange={setText} multiline required hint={t("note.hint")} testId="observation-text" />
      <ChecksField label={t("urgent")} value={flags} onChange={setFlags} options={[{ value: "important", label: t("note.important") }]} />
    </CallForm>
  );
}

function Settings({ overview }: { overview: Overview }): ReactNode {
  const { t } = useTranslation("handover");
  const queryClient = useQueryClient();
  const held = overview.settings;
  const [flags, setFlags] = useState<string[]>(held.active ? ["active"] : []);
  const [limit, setLimit] = useState(String(held.limit_min));
  const [earliest, setEarliest] = useState(String(held.earliest_min));
  const save = async () => {
    await handovers.settings({
      active: flags.includes("active"), limit_min: Number(limit), earliest_min: Number(earliest), version: held.version,
    });
    await queryClient.invalidateQueries({ queryKey: HANDOVER_KEYS.of(overview.unit_id) });
  };
  return (
    <CallForm title={t("settings.title")} submit={t("settings.save")} onSubmit={save} testId="handover-settings">
      <ChecksField label={t("settings.title")} value={flags} onChange={setFlags} options={[{ value: "active", label: t("settings.active") }]} />
      <TextField label={t("settings.limit")} type="number" value={limit} onChange={setLimit} required />
      <TextField label={t("settings.earliest")} type="number" value={earliest} onChange={setEarliest} required />
    </CallForm>
  );
}
