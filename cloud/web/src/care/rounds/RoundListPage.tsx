import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { clockOf } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";
import { ActionButton, CallForm, SelectField, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { type DueNow, type Finding, FINDINGS, type Position, POSITIONS, ROUND_KEYS, type RoundRow, rounds } from "./calls";

const EVERY_MS = 30_000;
const WORST = ["ok", "due", "missed"] as const;

/** Who is to be looked in on and turned, on the phone that goes along. */
export function RoundListPage(): ReactNode {
  const { t } = useTranslation("rounds");
  const { t: common } = useTranslation();
  const [search, setSearch] = useSearchParams();
  const { data, failureReason } = useQuery({
    queryKey: ROUND_KEYS.list,
    queryFn: rounds.list,
    refetchInterval: EVERY_MS,
  });
  const tag = search.get("tag");
  return (
    <>
      {failureReason !== null && (
        <p role="alert" className="banner">
          {t("failed", { why: explain(common, failureReason) })}
        </p>
      )}
      {tag !== null && <AtTag tag={tag} done={() => setSearch({})} />}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && (
        <section aria-labelledby="rounds-title">
          <h2 id="rounds-title">{t("title", { shift: data.shift })}</h2>
          {!data.active && <p role="status">{t("inactive")}</p>}
          {data.rows.length === 0 && <p>{t("empty")}</p>}
          <ul className="round-list">
            {data.rows.map((row) => (
              <Card key={row.elder_id} row={row} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** A phone that read the tag at a bed opens this page with it. */
function AtTag({ tag, done }: { tag: string; done: () => void }): ReactNode {
  const { t } = useTranslation("rounds");
  return <CheckForm title={t("atTag", { tag })} kind="round" where={{ tag }} done={done} />;
}

function Card({ row }: { row: RoundRow }): ReactNode {
  const { t } = useTranslation("rounds");
  const { me } = useMe();
  const [open, setOpen] = useState<"round" | "turning" | null>(null);
  const queryClient = useQueryClient();
  const kinds = [["round", row.round], ["turning", row.turning]] as const;
  const standing = WORST.findLast((one) => kinds.some(([, due]) => due?.standing === one)) ?? "ok";
  const who = { place: row.place, name: row.elder_name };
  const bySensor = async () => {
    await rounds.check({ id: crypto.randomUUID(), elder_id: row.elder_id, kind: "round", by_sensor: true, finding: "asleep", note: "" });
    await queryClient.invalidateQueries({ queryKey: ROUND_KEYS.list });
  };
  return (
    <li className="round-card" data-standing={standing} data-testid="round-card">
      <h3>
        {row.place} {row.elder_name}
      </h3>
      <p>{row.away ? t("away") : t("level", { level: row.level })}</p>
      {kinds.map(([kind, due]) => due && <Stands key={kind} label={t(kind)} due={due} />)}
      {me?.permissions.includes("care_write") && !row.away && (
        <div className="round-actions">
          {kinds.map(
            ([kind, due]) =>
              (kind === "round" || due) && (
                <Button key={kind} onClick={() => setOpen(open === kind ? null : kind)} aria-expanded={open === kind}>
                  {t(kind)}
                </Button>
              ),
          )}
          {row.sensor_allowed && <ActionButton label={t("bySensor")} onPress={bySensor} />}
        </div>
      )}
      {open && (
        <CheckForm
          key={open}
          title={t("checkIn", who)}
          kind={open}
          where={{ elder_id: row.elder_id }}
          done={() => setOpen(null)}
        />
      )}
    </li>
  );
}

function Stands({ label, due }: { label: string; due: DueNow }): ReactNode {
  const { t } = useTranslation("rounds");
  return (
    <p className={due.standing === "missed" ? "missed" : undefined}>
      {label}：{t(`due.${due.standing}`, { at: clockOf(due.due_at) })}
      <br />
      <small>
        {due.last_at && due.last_way
          ? t("last", { at: clockOf(due.last_at), by: due.last_by, way: t(`way.${due.last_way}`) })
          : t("never")}
      </small>
    </p>
  );
}

type FormProps = {
  title: string;
  kind: "round" | "turning";
  where: { elder_id: string } | { tag: string };
  done: () => void;
};

function CheckForm({ title, kind, where, done }: FormProps): ReactNode {
  const { t } = useTranslation("rounds");
  const queryClient = useQueryClient();
  // One id for one check: pressed again after a lost answer it is still one.
  const id = useRef(crypto.randomUUID());
  const [finding, setFinding] = useState<Finding>("asleep");
  const [position, setPosition] = useState<Position>("left");
  const [note, setNote] = useState("");
  const send = async () => {
    await rounds.check({
      id: id.current, ...where, kind, by_sensor: false, finding, note,
      ...(kind === "turning" && { position }),
    });
    await queryClient.invalidateQueries({ queryKey: ROUND_KEYS.list });
    done();
  };
  return (
    <CallForm title={title} submit={t("save")} onSubmit={send} testId="round-check">
      {kind === "turning" && (
        <SelectField
          label={t("turnedTo")}
          value={position}
          onChange={(value) => setPosition(value as Position)}
          options={POSITIONS.map((value) => ({ value, label: t(`position.${value}`) }))}
        />
      )}
      <SelectField
        label={t("what")}
        value={finding}
        onChange={(value) => setFinding(value as Finding)}
        options={FINDINGS.map((value) => ({ value, label: t(`finding.${value}`) }))}
      />
      <TextField label={t("note")} value={note} onChange={setNote} />
    </CallForm>
  );
}
