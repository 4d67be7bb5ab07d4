import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";
import { CallForm, localNow } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { type IncidentDetail, safety, SAFETY_KEYS, type Step } from "./calls";
import { IncidentFields, type Told, toldIn } from "./IncidentFields";

const STEPS: Record<IncidentDetail["state"], readonly Step[]> = {
  reported: ["review", "void"], reviewed: ["close", "return"], closed: ["reopen"], voided: [],
};
const LABELS = {
  review: "incidents.doReview", return: "incidents.doReturn", close: "incidents.doClose", reopen: "incidents.doReopen",
  void: "incidents.doVoid",
} as const;
const MOVES = ["report", "change", "review", "return", "close", "reopen", "void"] as const;
const isMove = (name: string): name is (typeof MOVES)[number] => MOVES.some((each) => each === name);

/** One incident: what happened, what is done about it, the head nurse's review, and who did what. */
export function IncidentPage(): ReactNode {
  const { t } = useTranslation("safety");
  const { t: common } = useTranslation();
  const { incidentId = "" } = useParams();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const { data, failureReason } = useQuery({
    queryKey: SAFETY_KEYS.incident(incidentId),
    queryFn: () => safety.incident(incidentId),
  });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  const changed = () => queryClient.invalidateQueries({ queryKey: SAFETY_KEYS.everyIncident });
  const may = (permission: string) => (me?.permissions as string[] | undefined)?.includes(permission) ?? false;
  const move = async (step: Step, words: string) => {
    await safety.move(data.id, step, words, data.version);
    await changed();
  };
  const steps = STEPS[data.state].filter((step) => step !== "void" || data.alert_id === null);
  const editable = data.state === "reported" || data.state === "reviewed";
  return (
    <>
      <p className="no-print">
        <Link to="/care/risks/incidents">{t("incidents.back")}</Link>
      </p>
      <Facts incident={data} />
      {may("incidents_review") && (
        <p className="no-print" data-testid="incident-steps">
          {steps.map((step) => (
            <AskButton
              key={step}
              label={t(LABELS[step])}
              testId={`incident-${step}`}
              questions={[{ name: "words", label: t("incidents.words"), multiline: true, required: step !== "review" && step !== "close" }]}
              onAnswer={(answers) => move(step, answers.words ?? "")}
            />
          ))}
        </p>
      )}
      {may("care_write") && editable && <Edit key={data.version} incident={data} done={changed} />}
      <DataTable
        title={t("incidents.history")}
        rows={data.moves}
        rowKey={(row) => `${row.at} ${row.move}`}
        empty={t("noHistory")}
        columns={[
          { title: t("when"), cell: (row) => dayAndClock(row.at) },
          { title: t("state_"), cell: (row) => (isMove(row.move) ? t(`incidents.move.${row.move}`) : row.move) },
          { title: t("by"), cell: (row) => row.by },
          { title: t("incidents.words"), cell: (row) => row.words },
        ]}
      />
    </>
  );
}

function Facts({ incident }: { incident: IncidentDetail }): ReactNode {
  const { t } = useTranslation("safety");
  const rows: [string, ReactNode][] = [
    [t("elder"), <Link key="elder" to={`/care/elders/${incident.elder_id}`}>{incident.elder_name}</Link>],
    [t("incidents.at"), dayAndClock(incident.happened_at)],
    [t("incidents.place"), incident.place],
    [t("incidents.injury"), incident.injury === null ? t("incidents.notYet") : t(`injury.${incident.injury}`)],
    [t("incidents.description"), incident.description],
    [t("incidents.cause"), incident.cause ?? t("incidents.notYet")],
    [t("incidents.measure"), incident.measure ?? t("incidents.notYet")],
    [t("incidents.followUp"), [incident.follow_up_on, incident.follow_up].filter(Boolean).join(" ")],
  ];
  return (
    <section aria-labelledby="incident-title" data-testid="incident" data-state={incident.state}>
      <h2 id="incident-title">
        {t(`kind.${incident.kind}`)} · {t(`state.${incident.state}`)} · {t(incident.alert_id ? "incidents.byAlert" : "incidents.byHand")}
      </h2>
      {incident.overdue && <p className="warn">{t("incidents.late")}</p>}
      <dl className="facts">
        {rows.map(([name, value]) => (
          <div key={name} className="fact-row">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p>
        {t("incidents.recorded", { by: incident.recorded_by, at: dayAndClock(incident.recorded_at) })}
        {incident.reviewed_at && (
          <>
            <br />
            {t("incidents.reviewedBy", { by: incident.reviewed_by, at: dayAndClock(incident.reviewed_at), words: incident.review })}
          </>
        )}
        {incident.closed_at && (
          <>
            <br />
            {t("incidents.closedBy", { by: incident.closed_by, at: dayAndClock(incident.closed_at), words: incident.outcome })}
          </>
        )}
        {incident.void_reason && (
          <>
            <br />
            {t("incidents.voidReason", { words: incident.void_reason })}
          </>
        )}
      </p>
    </section>
  );
}

function Edit({ incident, done }: { incident: IncidentDetail; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("safety");
  const [told, setTold] = useState<Told>({
    kind: incident.kind, happened: localNow(Date.parse(incident.happened_at)), place: incident.place, description: incident.description,
    injury: incident.injury ?? "", cause: incident.cause ?? "", measure: incident.measure ?? "", followUp: incident.follow_up,
    followUpOn: incident.follow_up_on ?? "",
  });
  const byAlert = incident.alert_id !== null;
  const save = async () => {
    const body = toldIn(told);
    // The field holds minutes only: where the time was not touched it stays as it was.
    const untouched = byAlert || told.happened === localNow(Date.parse(incident.happened_at));
    await safety.change(incident.id, {
      ...body, ...(untouched && { happened_at: incident.happened_at }), version: incident.version,
    });
    await done();
  };
  return (
    <div className="no-print">
      <CallForm title={t("incidents.edit")} submit={t("incidents.save")} onSubmit={save} testId="edit-incident">
        <IncidentFields told={told} change={setTold} fixed={byAlert} />
      </CallForm>
    </div>
  );
}
