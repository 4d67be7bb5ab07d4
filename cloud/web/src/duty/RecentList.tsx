import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import type { AlertDetail, AlertSummary } from "../api/types";
import { explain } from "../shared/explain";
import { elapsed, shortTime } from "../shared/time";
import { OriginBadge } from "./AlertCard";
import { CloseDialog } from "./CloseDialog";
import { PriorityMark } from "./PriorityMark";
import { ReasonDialog } from "./ReasonDialog";
import { bedText, elderText, kindText } from "./words";

type RowProps = { alert: AlertSummary; onClose: () => void; onReopen: (() => void) | null };

function Row({ alert, onClose, onReopen }: RowProps): ReactNode {
  const { t } = useTranslation();
  const endMs = Date.parse(alert.resolved_at ?? alert.updated_at);
  return (
    <tr data-testid="recent-row" data-alert-id={alert.id} data-code={alert.code} data-state={alert.state} data-priority={alert.priority}>
      <td className="number">{shortTime(alert.happened_at)}</td>
      <th scope="row">
        <PriorityMark priority={alert.priority} /> {kindText(t, alert.code)}{" "}
        <OriginBadge alert={alert} />
      </th>
      <td>{elderText(t, alert)}</td>
      <td>{bedText(t, alert)}</td>
      <td>
        {alert.filed === "history" && t("list.history", { time: shortTime(alert.raised_at) })}
        {alert.verdict !== null && (
          <span className="verdict-tag" data-verdict={alert.verdict}>
            {alert.finding === null ? t(`verdict.${alert.verdict}`) : t(`finding.${alert.finding}`)}
          </span>
        )}
      </td>
      <td>
        {alert.resolved_by}{" "}
        {alert.state === "resolved" && (
          <Button size="small" data-testid="alert-close" onClick={onClose}>
            {t("close.button")}
          </Button>
        )}{" "}
        {onReopen !== null && (
          <Button size="small" data-testid="alert-reopen" onClick={onReopen}>
            {t("alert.reopen")}
          </Button>
        )}
      </td>
      <td className="number">{elapsed(Date.parse(alert.happened_at), endMs)}</td>
    </tr>
  );
}

type Props = {
  alerts: readonly AlertSummary[] | null;
  error: Error | null;
  accept: (detail: AlertDetail) => void;
  /** Taking an ended alert up again is for the head nurse. */
  mayReopen?: boolean;
};

export function RecentList({ alerts, error, accept, mayReopen = false }: Props): ReactNode {
  const { t } = useTranslation();
  const [closing, setClosing] = useState<AlertSummary | null>(null);
  const [reopening, setReopening] = useState<AlertSummary | null>(null);
  return (
    <section aria-labelledby="recent-title" className="recent">
      <h2 id="recent-title">{t("list.recent")}</h2>
      {error !== null && (
        <p role="alert" className="card-failure">
          {t("list.recentFailed", { why: explain(t, error) })}
        </p>
      )}
      {alerts?.length === 0 && <p>{t("list.recentEmpty")}</p>}
      {alerts !== null && alerts.length > 0 && (
        // Scrolled sideways on a phone: it must be reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="scroll-x" tabIndex={0} role="group" aria-labelledby="recent-title">
          <table>
            <thead>
              <tr>
                <th scope="col">{t("list.recentTime")}</th>
                <th scope="col">{t("list.recentKind")}</th>
                <th scope="col">{t("list.recentElder")}</th>
                <th scope="col">{t("list.recentPlace")}</th>
                <th scope="col">{t("list.recentVerdict")}</th>
                <th scope="col">{t("list.recentBy")}</th>
                <th scope="col">{t("list.recentTook")}</th>
              </tr>
            </thead>
            <tbody>
              {alerts.map((alert) => (
                <Row
                  key={alert.id}
                  alert={alert}
                  onClose={() => setClosing(alert)}
                  onReopen={mayReopen ? () => setReopening(alert) : null}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {reopening !== null && (
        <ReasonDialog
          key={reopening.id}
          move="reopen"
          alert={reopening}
          accept={accept}
          onClose={() => setReopening(null)}
        />
      )}
      {closing !== null && (
        <CloseDialog alert={closing} accept={accept} onClose={() => setClosing(null)} />
      )}
    </section>
  );
}
