import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { Fetching } from "../../shared/Fetching";
import { toIso } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { type ElderVisits, type Visit, VISIT_KEYS, visits } from "./calls";
import { DueCard } from "./DueCard";
import { FollowupTable } from "./FollowupsPage";
import { PlanForm } from "./PlanForm";
import { metres, useWord } from "./words";

/** One elder: the next visit, the plan, every visit with its corrections, what is to be done. */
export function ElderVisitsPage(): ReactNode {
  const { t } = useTranslation("visits");
  const { id = "" } = useParams();
  const { data, failureReason } = useQuery({ queryKey: VISIT_KEYS.elder(id), queryFn: () => visits.elder(id) });
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data && <Shown data={data} />}
    </>
  );
}

function Shown({ data }: { data: ElderVisits }): ReactNode {
  const { t } = useTranslation("visits");
  const { me } = useMe();
  const queryClient = useQueryClient();
  const writes = me?.permissions.includes("care_write") ?? false;
  const ask = async (at: string, note: string) => {
    await visits.request(data.elder_id, { due_at: toIso(at), note });
    await queryClient.invalidateQueries({ queryKey: VISIT_KEYS.all });
  };
  return (
    <>
      <h2>{t("elder.title", { name: data.elder_name })}</h2>
      {data.due ? (
        <ul className="visit-list">
          <DueCard row={data.due} />
        </ul>
      ) : (
        <p>{t("elder.noPlan")}</p>
      )}
      {writes && data.due && (
        <p>
          <AskButton
            label={t("elder.ask")}
            questions={[
              { name: "at", label: t("elder.askAt"), type: "datetime-local", required: true },
              { name: "note", label: t("elder.askWhy"), required: true, multiline: true },
            ]}
            onAnswer={({ at, note }) => ask(at ?? "", note ?? "")}
          />
        </p>
      )}
      {writes && <PlanForm key={data.plan?.version ?? 0} data={data} />}
      <FollowupTable title={t("elder.followups")} rows={data.followups} />
      <VisitTable data={data} writes={writes} />
    </>
  );
}

function VisitTable({ data, writes }: { data: ElderVisits; writes: boolean }): ReactNode {
  const { t } = useTranslation("visits");
  const word = useWord();
  const queryClient = useQueryClient();
  const { data: settings } = useQuery({ queryKey: VISIT_KEYS.settings, queryFn: visits.settings });
  const found = ({ findings, note }: Visit) =>
    [...findings.map((code) => word(settings?.findings.find(({ key }) => key === code)) || code), note].filter(Boolean).join("；");
  const correct = async (visit: Visit, reason: string) => {
    await visits.correct(visit.id, { reason, void: true });
    await queryClient.invalidateQueries({ queryKey: VISIT_KEYS.all });
  };
  return (
    <DataTable
      title={t("elder.visits")}
      rows={data.visits}
      rowKey={({ id }) => id}
      empty={t("never")}
      columns={[
        {
          title: t("elder.when"),
          cell: (row) => (
            <>
              {row.void ? <s>{dayAndClock(row.started_at)}</s> : dayAndClock(row.started_at)}
              {row.corrections.map((one) => (
                <small key={one.at} className="correction">
                  {t(one.void ? "elder.voided" : "elder.corrected", { by: one.by, reason: one.reason })}
                </small>
              ))}
            </>
          ),
        },
        { title: t("elder.by"), cell: (row) => `${row.by} · ${word(settings?.ways.find(({ key }) => key === row.way))}` },
        { title: t("elder.outcome"), cell: (row) => t(`outcome.${row.outcome}`) },
        { title: t("elder.found"), cell: found },
        { title: t("elder.where"), cell: (row) => <Where visit={row} /> },
        {
          title: t("elder.correct"),
          cell: (row) =>
            writes &&
            !row.void && (
              <AskButton
                label={t("elder.void")}
                questions={[{ name: "reason", label: t("elder.voidWhy"), required: true }]}
                onAnswer={({ reason }) => correct(row, reason ?? "")}
              />
            ),
        },
      ]}
    />
  );
}

function Where({ visit }: { visit: Visit }): ReactNode {
  const { t } = useTranslation("visits");
  if (visit.no_place_reason !== "") return t("elder.noPlace", { why: visit.no_place_reason });
  if (visit.accuracy_m === null) return t("elder.remote");
  if (visit.distance_m === null) return t("elder.noDoor");
  const text = t("elder.fromDoor", { m: metres(visit.distance_m), accuracy: metres(visit.accuracy_m) });
  return visit.far_away ? <strong className="overdue">{t("elder.far")}：{text}</strong> : text;
}
