import { memo, type ReactNode, useDeferredValue, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { type AlertSummary, isUnanswered, type Priority } from "../api/types";
import { clockTime } from "../shared/time";
import { AlertCard } from "./AlertCard";
import { PriorityMark } from "./PriorityMark";
import { ReasonDialog } from "./ReasonDialog";
import { ResolveDialog } from "./ResolveDialog";
import { lastDataAt } from "./situation";
import type { Desk } from "./useDesk";
import { bedText, elderText, kindText } from "./words";

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
  const believable = situation.sighted && !situation.nobodyHeard;
  const title = !situation.sighted
    ? t("list.emptyBlind")
    : situation.nobodyHeard
      ? t("list.emptySilent")
      : t("list.empty");
  const nobody = status?.devices.assigned === 0;
  const monitored = status === null ? 0 : status.devices.assigned - status.devices.silent;
  return (
    <div className="empty" data-testid="list-empty" data-calm={situation.calm} data-sighted={believable} role="status">
      <strong>{title}</strong>
      {nobody && <p>{t("list.noDevices")}</p>}
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

// Two cards fit a screen: from three on, one could be out of sight.
const INDEX_FROM = 3;
const RANK: Record<Priority, number> = { high: 0, medium: 1, low: 2, info: 3 };

/** All open alerts in one line, the most urgent first, so that none hides below the others. */
const Index = memo(function Index({ alerts }: { alerts: readonly AlertSummary[] }): ReactNode {
  const { t } = useTranslation();
  const weight = (alert: AlertSummary) => RANK[alert.priority] + (isUnanswered(alert) ? 0 : 10);
  return (
    <nav aria-label={t("list.index")}>
      <ul className="index">
        {[...alerts]
          .sort((a, b) => weight(a) - weight(b))
          .map((alert) => (
            <li key={alert.id}>
              <a
                href={`#card-${alert.id}`}
                data-priority={alert.priority}
                data-state={alert.state}
              >
                <PriorityMark priority={alert.priority} />
                <span className="sr-only">
                  {t(`priorityLong.${alert.priority}`)} {t(`state.${alert.state}`)}
                </span>
                {bedText(t, alert)} {elderText(t, alert)}
                {alert.origin !== "live" && <span>{`[${t(`origin.${alert.origin}`)}]`}</span>}
                {!isUnanswered(alert) && <span aria-hidden="true"> ✓</span>}
              </a>
            </li>
          ))}
      </ul>
    </nav>
  );
});

// What a screen holds: what is below is drawn a moment later, so that the first is there at once.
const FIRST_CARDS = 2;

type CardsProps = Omit<Parameters<typeof AlertCard>[0], "alert"> & { alerts: readonly AlertSummary[] };

function Cards({ alerts, ...rest }: CardsProps): ReactNode {
  const all = useDeferredValue(true, false);
  return (
    <ol className="cards">
      {(all ? alerts : alerts.slice(0, FIRST_CARDS)).map((alert) => (
        <li key={alert.id} id={`card-${alert.id}`}>
          <AlertCard alert={alert} {...rest} />
        </li>
      ))}
    </ol>
  );
}

export function OpenList({ desk }: { desk: Desk }): ReactNode {
  const { t } = useTranslation();
  // Nobody is asked to do anything about the quiet: held back, or folded into the line of a flood.
  const [alerts, quiet] = useMemo(() => {
    const open = desk.alerts ?? [];
    return [open.filter((alert) => !alert.suppressed), open.filter((alert) => alert.suppressed)];
  }, [desk.alerts]);
  // Kept here, not in the card: the card goes when someone else resolves the alert first.
  const [resolving, setResolving] = useState<AlertSummary | null>(null);
  const [shelving, setShelving] = useState<AlertSummary | null>(null);
  const mayShelve = desk.me?.permissions.includes("alert_rules_manage") ?? false;
  const latest = [...alerts, ...(desk.recent ?? [])].find(({ id }) => id === resolving?.id);
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
      {alerts.length >= INDEX_FROM && <Index alerts={alerts} />}
      {alerts.length === 0 ? (
        <Empty desk={desk} />
      ) : (
        <Cards
          alerts={alerts}
          me={desk.me}
          accept={desk.accept}
          onResolve={setResolving}
          onShelve={mayShelve ? setShelving : null}
        />
      )}
      {quiet.length > 0 && (
        <details data-testid="folded">
          <summary>{t("list.folded", { count: quiet.length })}</summary>
          <ul>
            {quiet.map((alert) => (
              <li key={alert.id}>
                {clockTime(alert.happened_at)} {kindText(t, alert.code)}{" "}
                {bedText(t, alert)} {elderText(t, alert)} {alert.device_id}
                {alert.recovered && ` · ${t("list.foldedPassed")}`}
              </li>
            ))}
          </ul>
        </details>
      )}
      {shelving !== null && (
        <ReasonDialog
          key={`shelve-${shelving.id}`}
          move="shelve"
          alert={shelving}
          accept={desk.accept}
          onClose={() => setShelving(null)}
        />
      )}
      {resolving !== null && (
        <ResolveDialog
          key={resolving.id}
          alert={latest ?? resolving}
          accept={desk.accept}
          onClose={() => setResolving(null)}
        />
      )}
    </section>
  );
}
