import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { CallFailure } from "../../api/failure";
import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { clockTime } from "../../shared/time";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { Notes } from "../handover/Notes";
import { RiskHistory } from "../safety/RiskHistory";
import { OpenRecord } from "./BreakGlass";
import { ELDER_KEYS, type ElderPage, elders } from "./calls";
import { Contacts } from "./Contacts";
import { Facts } from "./Facts";
import { Consents, Family } from "./Family";
import { RecordForm } from "./RecordForm";
import { Rights } from "./Rights";
import { Risks } from "./Risks";
import { Seen } from "./Seen";
import { Stays } from "./Stays";
import { Unseen } from "./Unseen";

// The plotting code is fetched when there is something to plot.
const DayLine = lazy(async () => ({ default: (await import("./DayLine")).DayLine }));
const Chart = lazy(async () => ({ default: (await import("./Chart")).Chart }));

const REFRESH_MS = 15_000;

/** What a part of the page needs: whose, whether it may be changed, and what to do after a change. */
export type Part = { id: string; page: ElderPage; may: (permission: string) => boolean; done: () => Promise<void> };

/** One elder: now, record, stays, contacts, family and consents, the nine risks. */
export default function ElderRecordPage(): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common } = useTranslation();
  const { elderId = "" } = useParams();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const { data, failureReason } = useQuery({
    queryKey: ELDER_KEYS.page(elderId),
    queryFn: () => elders.page(elderId),
    refetchInterval: REFRESH_MS,
  });
  if (data === undefined && failureReason instanceof CallFailure && failureReason.code === "outside_unit")
    return (
      <OpenRecord
        elderId={elderId}
        onOpened={() => queryClient.invalidateQueries({ queryKey: ELDER_KEYS.all(elderId) })}
      />
    );
  if (data === undefined && failureReason !== null)
    return <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  if (data === undefined) return <Waiting />;
  const part: Part = {
    id: elderId,
    page: data,
    may: (permission) => (me?.permissions as string[] | undefined)?.includes(permission) ?? false,
    done: () => queryClient.invalidateQueries({ queryKey: ELDER_KEYS.all(elderId) }),
  };
  return (
    <>
      <p>
        <Link to="/care/elders">{t("back")}</Link>
        {part.may("care_read") && (
          <>
            {" · "}
            <Link to={`/care/visits/elders/${elderId}`}>{t("toVisits")}</Link>
          </>
        )}
      </p>
      {failureReason !== null && (
        <p role="alert" className="banner">
          {t("failed", { why: explain(common, failureReason) })}
        </p>
      )}
      <Now page={data} />
      {part.may("series_read") && (
        <Suspense fallback={null}>
          <DayLine id={elderId} />
        </Suspense>
      )}
      <Unseen {...part} />
      {data.coverage !== null && <Seen coverage={data.coverage} />}
      {part.may("series_read") && data.latest.length > 0 && (
        <Suspense fallback={null}>
          <Chart id={elderId} latest={data.latest} />
        </Suspense>
      )}
      <RecordForm key={data.record.version} {...part} />
      <Facts {...part} />
      <Stays {...part} />
      <Contacts {...part} />
      <Family {...part} />
      <Consents {...part} />
      <Risks {...part} />
      <RiskHistory id={elderId} />
      {part.may("care_read") && <Notes id={elderId} writes={part.may("care_write")} />}
      <Rights {...part} />
    </>
  );
}

function Now({ page }: { page: ElderPage }): ReactNode {
  const { t } = useTranslation("elders");
  const { i18n } = useTranslation();
  const { record } = page;
  const missing = page.consents_missing.filter((purpose) => purpose === "safety" || purpose === "vitals");
  return (
    <section aria-labelledby="elder-now">
      <h2 id="elder-now">
        {record.name} · {t("years", { age: record.age })} · {record.place?.label ?? t("noPlace")}
      </h2>
      {record.photo_id !== null && (
        <img
          src={`/api/v1/elders/${record.id}/photo?v=${record.photo_id}`}
          alt={`${t("photo")} ${record.name}`}
          width={160}
        />
      )}
      {record.care_note && <p className="warn">{record.care_note}</p>}
      {missing.length > 0 && (
        <p className="warn">{t("noConsent", { what: missing.map((purpose) => t(`purpose.${purpose}`)).join("、") })}</p>
      )}
      {page.open_alerts.length > 0 && (
        <p className="warn">
          <Link to="/duty">{t("openAlerts", { count: page.open_alerts.length })}</Link>
        </p>
      )}
      <DataTable
        title={t("latest")}
        rows={page.latest}
        rowKey={(row) => `${row.quantity} ${row.device_id} ${row.origin}`}
        empty={t("noLatest")}
        columns={[
          { title: t("quantity"), cell: (row) => (i18n.language === "en" ? row.quantity : row.label_zh) },
          { title: t("value"), cell: (row) => `${row.value} ${row.unit === "1" ? "" : row.unit}` },
          { title: t("time"), cell: (row) => clockTime(Date.parse(row.at)) },
          { title: t("device"), cell: (row) => row.device_id },
        ]}
      />
      <DataTable
        title={t("devices")}
        rows={page.devices}
        rowKey={({ device_id }) => device_id}
        empty={t("noDevices")}
        columns={[
          { title: t("device"), cell: (row) => `${row.device_id} ${row.label}` },
          { title: t("value"), cell: (row) => (row.silent ? t("silent") : t("heard")) },
        ]}
      />
    </section>
  );
}
