import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { type Answers, AskButton } from "../../shared/AskButton";
import { CallForm, localNow, SelectField, TextField, toIso } from "../../shared/forms";
import { usePlaces } from "../../shared/usePlaces";
import { ELDER_KEYS, elders, type EndReason, type Stay } from "./calls";
import type { Part } from "./ElderRecordPage";

const REASONS: readonly EndReason[] = ["left", "hospital", "died", "other"];
const shown = (iso: string): string => localNow(Date.parse(iso)).replace("T", " ");

/** Where the elder has stayed; admission, moves, leaving, and the past put right. */
export function Stays({ id, page, may, done }: Part): ReactNode {
  const { t } = useTranslation("elders");
  const { data } = useQuery({ queryKey: ELDER_KEYS.part(id, "stays"), queryFn: () => elders.stays(id) });
  const [moved, setMoved] = useState(0);
  const correct = async (stay: Stay, { from = "", why = "" }: Answers) => {
    const changed = await elders.correctStay(stay, toIso(from), why);
    setMoved(changed.alerts_moved);
    await done();
  };
  const writes = may("records_write");
  return (
    <>
      <DataTable
        title={t("stays")}
        rows={data?.stays ?? []}
        rowKey={(row) => row.id}
        empty={t("noStays")}
        columns={[
          { title: t("bed"), cell: (row) => row.place },
          { title: t("from"), cell: (row) => shown(row.valid_from) },
          { title: t("until"), cell: (row) => (row.valid_until === null ? t("ongoing") : shown(row.valid_until)) },
          { title: t("reason"), cell: (row) => (row.end_reason === null ? "" : t(`leaveReason.${row.end_reason}`)) },
          { title: t("correct"), cell: (row) =>
              writes && (
                <AskButton
                  label={t("correct")}
                  title={t("correctStay", { place: row.place })}
                  onAnswer={(answers) => correct(row, answers)}
                  questions={[
                    {
                      name: "from", label: t("correctFrom"), type: "datetime-local", required: true,
                      initial: localNow(Date.parse(row.valid_from)),
                    },
                    { name: "why", label: t("correctWhy"), required: true },
                  ]}
                />
              ),
          },
        ]}
      />
      {moved > 0 && <p role="status">{t("alertsMoved", { count: moved })}</p>}
      {writes && may("places_read") && <MoveIn id={id} done={done} />}
      {writes && page.record.place !== null && <Leave id={id} done={done} />}
    </>
  );
}

type FormProps = { id: string; done: () => Promise<void> };

function MoveIn({ id, done }: FormProps): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common } = useTranslation();
  const { data: tree } = usePlaces();
  const [bed, setBed] = useState("");
  const [at, setAt] = useState(localNow());
  const free = [...(tree?.units ?? []), ...(tree?.homes ?? [])].flatMap((outer) =>
    outer.rooms.flatMap((room) =>
      room.beds
        .filter(({ occupancy }) => occupancy === "free" || occupancy === "reserved")
        .map(({ id: value, name }) => ({ value, label: `${outer.name} ${room.name}-${name}` })),
    ),
  );
  return (
    <CallForm
      title={t("moveIn")}
      submit={t("moveIn")}
      testId="move-in"
      onSubmit={async () => {
        await elders.moveIn(id, bed, toIso(at)).then(done);
      }}
    >
      <SelectField
        label={t("bed")}
        value={bed}
        onChange={setBed}
        required
        testId="move-in-bed"
        options={[{ value: "", label: common("form.choose") }, ...free]}
      />
      <TextField label={t("from")} value={at} onChange={setAt} type="datetime-local" required />
    </CallForm>
  );
}

function Leave({ id, done }: FormProps): ReactNode {
  const { t } = useTranslation("elders");
  const [at, setAt] = useState(localNow());
  const [reason, setReason] = useState<EndReason>("left");
  return (
    <CallForm
      title={t("leave")}
      submit={t("leave")}
      onSubmit={async () => {
        await elders.leave(id, toIso(at), reason).then(done);
      }}
    >
      <TextField label={t("until")} value={at} onChange={setAt} type="datetime-local" required />
      <SelectField
        label={t("reason")}
        value={reason}
        onChange={(value) => setReason(value as EndReason)}
        options={REASONS.map((value) => ({ value, label: t(`leaveReason.${value}`) }))}
      />
    </CallForm>
  );
}
