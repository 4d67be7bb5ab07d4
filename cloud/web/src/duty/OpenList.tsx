import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { isUnanswered } from "../api/types";
import { clockTime } from "../shared/time";
import { AlertCard } from "./AlertCard";
import { lastDataAt } from "./situation";
import type { Desk } from "./useDesk";

/** Nothing to show: calm only when the desk can see, and saying from when that is known. */
function Empty({ desk }: { desk: Desk }): ReactNode {
  const { t } = useTranslation();
  const { alerts, situation, status } = desk;
  if (alerts === null) {
    return (
      <div className="empty" data-testid="list-unknown" data-calm="false" role="status">
        <strong>{t("list.unknown")}</strong>
        <p>{t("list.unknownText")}</p>
      </div>
    );
  }
  const last = status === null ? null : lastDataAt(status);
  const monitored = status === null ? 0 : status.devices.assigned - status.devices.silent;
  return (
    <div className="empty" data-testid="list-empty" data-calm={situation.calm} data-sighted={situation.sighted} role="status">
      <strong>{situation.sighted ? t("list.empty") : t("list.emptyBlind")}</strong>
      <p>
        {last === null ? t("list.lastDataNever") : t("list.lastData", { time: clockTime(last) })}
        {status !== null && ` · ${t("list.monitored", { count: monitored })}`}
        {status !== null &&
          status.devices.silent > 0 &&
          ` · ${t("gateway.silent", { count: status.devices.silent })}`}
      </p>
    </div>
  );
}

export function OpenList({ desk }: { desk: Desk }): ReactNode {
  const { t } = useTranslation();
  const alerts = desk.alerts ?? [];
  const raised = alerts.filter(isUnanswered).length;
  return (
    <section aria-labelledby="open-title">
      <div className="list-head">
        <h2 id="open-title">{t("list.open")}</h2>
        {alerts.length > 0 && (
          <p data-testid="open-counts">
            {t("list.counts", { raised, acknowledged: alerts.length - raised })}
          </p>
        )}
      </div>
      {alerts.length === 0 ? (
        <Empty desk={desk} />
      ) : (
        <ol className="cards">
          {alerts.map((alert) => (
            <li key={alert.id}>
              <AlertCard alert={alert} userId={desk.me?.id ?? ""} accept={desk.accept} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
