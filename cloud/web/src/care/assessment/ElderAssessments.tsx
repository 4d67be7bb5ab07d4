import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation, useNavigate, useParams } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { dateOf } from "../../shared/dayAndClock";
import { Fetching } from "../../shared/Fetching";
import { serverClock } from "../../shared/time";
import { SendBundle } from "../exchange/SendBundle";
import { Entitlements } from "../entitlements/Entitlements";
import { assessmentApi, type Assessments } from "./api";
import { Compare } from "./Compare";
import { drafts } from "./drafts";
import { newDraft, REASON } from "./newDraft";

type Row = Assessments["assessments"][number];

function Change({ rows }: { rows: Row[] }): ReactNode {
  const { t } = useTranslation("care");
  const [now, before] = rows.filter((row) => row.filed_at !== null);
  if (now?.total === null || now === undefined || before === undefined) return null;
  return (
    <p>
      {t("elder.change", {
        before: `${before.total} (${before.final_level_name})`,
        after: `${now.total} (${now.final_level_name})`,
      })}
    </p>
  );
}

function Details({ elderId, rows }: { elderId: string; rows: Row[] }): ReactNode {
  const [now, before] = rows.filter((row) => row.filed_at !== null && row.source === "");
  if (now === undefined || before === undefined) return null;
  return <Compare elderId={elderId} ids={[now.id, before.id]} />;
}

/** One elder's assessments, the level that holds, and where a new one begins. */
export function ElderAssessments(): ReactNode {
  const { t } = useTranslation("care");
  const navigate = useNavigate();
  const { elderId = "" } = useParams();
  const state = useLocation().state as { name?: string } | null;
  const name = state?.name ?? "";
  const { data, failureReason } = useQuery({
    queryKey: ["assessments", elderId],
    queryFn: () => assessmentApi.ofElder(elderId),
  });
  const open = data?.assessments.find((row) => row.filed_at === null);

  const start = () => {
    const id = crypto.randomUUID();
    const reason = data?.current_level === null ? REASON.first : REASON.routine;
    drafts.put(id, {
      elderId,
      elderName: name,
      draft: newDraft(reason, dateOf(serverClock.nowMs())),
      changes: 1,
      sent: 0,
      refused: null,
    });
    void navigate(id, { state: { name } });
  };

  return (
    <>
      <h2>{t("elder.title", { name })}</h2>
      <Fetching of={{ data, failureReason }} failed={(why) => t("due.failed", { why })} />
      {data !== undefined && (
        <>
          <p className="current-level">
            {data.current_level_name === null
              ? t("elder.none")
              : t("elder.current", { level: data.current_level_name })}
          </p>
          <Change rows={data.assessments} />
          <Details elderId={elderId} rows={data.assessments} />
          <div>
            {open === undefined ? (
              <Button type="primary" data-testid="start-assessment" onClick={start}>
                {t("elder.start")}
              </Button>
            ) : (
              <Link className="resume" to={open.id} state={{ name }}>
                {t("elder.resume")}
              </Link>
            )}
          </div>
          <SendBundle elderId={elderId} />
          <DataTable
            title={t("elder.list")}
            rows={data.assessments}
            rowKey={({ id }) => id}
            empty={t("elder.empty")}
            columns={[
              {
                title: t("elder.date"),
                cell: (row) => (
                  <Link to={row.id} state={{ name }}>
                    {row.reference_date}
                  </Link>
                ),
              },
              { title: t("elder.total"), cell: (row) => row.total ?? "–" },
              { title: t("elder.level"), cell: (row) => row.final_level_name ?? t("elder.draft") },
              {
                title: t("elder.report"),
                cell: (row) =>
                  row.filed_at !== null && (
                    <a href={assessmentApi.reportAddress(elderId, row.id)} target="_blank" rel="noreferrer">
                      PDF
                    </a>
                  ),
              },
            ]}
          />
        </>
      )}
      <Entitlements elderId={elderId} />
    </>
  );
}
