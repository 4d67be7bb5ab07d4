import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { CallFailure } from "../../api/failure";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { ElderPicker } from "../../shared/ElderPicker";
import { explain } from "../../shared/explain";
import { CallForm, ChecksField, localNow, SelectField, TextField, toIso } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { type Kind, KINDS, safety, SAFETY_KEYS } from "./calls";
import { IncidentFields, type Told, toldIn } from "./IncidentFields";

const QUARTER_MS = 90 * 86_400_000;
const day = (atMs: number): string => localNow(atMs).slice(0, 10);

/** The register: falls that alerts told, and everything else as it was reported. */
export function IncidentsPage(): ReactNode {
  const { t } = useTranslation("safety");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const [from, setFrom] = useState(() => day(Date.now() - QUARTER_MS));
  const [to, setTo] = useState(() => day(Date.now()));
  const [kind, setKind] = useState("");
  const [today] = useState(() => day(Date.now()));
  const interval = { from: toIso(`${from || day(0)}T00:00`), to: toIso(`${to || today}T23:59`) };
  const query = { ...interval, ...(kind && { kind: kind as Kind }) };
  const { data, failureReason } = useQuery({
    queryKey: SAFETY_KEYS.incidents(query),
    queryFn: () => safety.incidents(query),
    placeholderData: (before) => before,
  });
  const may = (permission: string) => (me?.permissions as string[] | undefined)?.includes(permission) ?? false;
  return (
    <>
      <div className="safety-filter no-print">
        <TextField label={t("incidents.from")} type="date" value={from} onChange={setFrom} />
        <TextField label={t("incidents.to")} type="date" value={to} onChange={setTo} />
        <SelectField label={t("incidents.kind")} value={kind} onChange={setKind}
          options={[{ value: "", label: t("all") }, ...KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))]} />
        <Button onClick={() => globalThis.print()}>{t("incidents.print")}</Button>
        {may("incidents_review") && (
          <a className="ant-btn-link" href={`/api/v1/incidents/export?${new URLSearchParams(interval).toString()}`} download data-testid="incidents-csv">
            {t("incidents.csv")}
          </a>
        )}
      </div>
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data === undefined && failureReason === null && <Waiting />}
      {data && (
        <>
          {data.more && <p role="status">{t("incidents.more")}</p>}
          <DataTable
            title={t("incidents.counts")}
            rows={data.counts.filter(({ count }) => count > 0)}
            rowKey={(row) => row.kind}
            empty={t("incidents.none")}
            columns={[
              { title: t("incidents.kind"), cell: (row) => t(`kind.${row.kind}`) },
              { title: t("incidents.count"), cell: (row) => row.count },
              { title: t("incidents.injured"), cell: (row) => row.injured },
              { title: t("incidents.open"), cell: (row) => row.open },
            ]}
          />
          <DataTable
            title={t("incidents.title", { count: data.incidents.length })}
            rows={data.incidents}
            rowKey={({ id }) => id}
            empty={t("incidents.none")}
            columns={[
              { title: t("incidents.at"), cell: (row) => dayAndClock(row.happened_at) },
              { title: t("elder"), cell: (row) => `${row.elder_name} ${row.place}` },
              { title: t("incidents.kind"), cell: (row) => t(`kind.${row.kind}`) },
              { title: t("incidents.injury"), cell: (row) => (row.injury === null ? t("incidents.notYet") : t(`injury.${row.injury}`)) },
              { title: t("incidents.cause"), cell: (row) => row.cause ?? t("incidents.notYet") },
              {
                title: t("state_"),
                cell: (row) => (
                  <>
                    {t(`state.${row.state}`)} {row.overdue && <strong>{t("incidents.late")}</strong>}
                  </>
                ),
              },
              { title: t("incidents.view"), cell: (row) => <Link to={`/care/risks/incidents/${row.id}`}>{t("incidents.view")}</Link> },
            ]}
          />
        </>
      )}
      {may("care_write") && <ReportForm />}
    </>
  );
}

const blank = (): Told => ({
  kind: "choking", happened: localNow(), place: "", description: "", injury: "", cause: "", measure: "", followUp: "", followUpOn: "",
});

function ReportForm(): ReactNode {
  const { t } = useTranslation("safety");
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [id] = useState(() => crypto.randomUUID());
  const [elder, setElder] = useState("");
  const [told, setTold] = useState<Told>(blank);
  const [twin, setTwin] = useState(false);
  const [flags, setFlags] = useState<string[]>([]);
  const send = async () => {
    try {
      const made = await safety.report({ id, elder_id: elder, ...toldIn(told), separate: flags.includes("separate") });
      await queryClient.invalidateQueries({ queryKey: SAFETY_KEYS.everyIncident });
      void navigate(`/care/risks/incidents/${made.id}`);
    } catch (problem) {
      if (problem instanceof CallFailure && problem.code === "maybe_the_same") setTwin(true);
      throw problem;
    }
  };
  return (
    <div className="no-print">
      <CallForm title={t("incidents.report")} submit={t("incidents.submit")} onSubmit={send} testId="report-incident">
        <ElderPicker label={t("elder")} value={elder} onChange={setElder} />
        <IncidentFields told={told} change={setTold} />
        {twin && (
          <ChecksField label={t("incidents.report")} value={flags} onChange={setFlags}
            options={[{ value: "separate", label: t("incidents.separate") }]} />
        )}
      </CallForm>
    </div>
  );
}
