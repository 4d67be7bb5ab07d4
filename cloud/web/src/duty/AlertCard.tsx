import { useMutationState, useQuery, type UseQueryResult } from "@tanstack/react-query";
import Button from "antd/es/button";
import { lazy, memo, type ReactNode, Suspense, useRef } from "react";
import { useTranslation } from "react-i18next";

import { api } from "../api/client";
import { KEYS } from "../api/queries";
import { type AlertDetail, type AlertSummary, isUnanswered, type Me } from "../api/types";
import { explain } from "../shared/explain";
import { clockTime, elapsed, shortTime, useServerSecond } from "../shared/time";
import { Details, Reasons } from "./AlertDetails";
import { evidenceOf } from "./evidence";
import { PriorityMark } from "./PriorityMark";
import { ACKNOWLEDGE_KEY, useMove } from "./useMove";
import { useNear } from "./useNear";
import { useShown } from "./useShown";
import { bedText, elderText, kindText } from "./words";

const EvidencePlot = lazy(() => import("./EvidencePlot"));

// The whole way takes 5 s at its 99th percentile; half a minute means that something was held up.
const LATE_SHOWN_S = 30;

type CardProps = {
  alert: AlertSummary;
  me: Me | undefined;
  accept: (detail: AlertDetail) => void;
  onResolve: (alert: AlertSummary) => void;
  /** null: setting aside is for the head nurse. */
  onShelve: ((alert: AlertSummary) => void) | null;
};

function Clock({ alert }: { alert: AlertSummary }): ReactNode {
  const { t } = useTranslation();
  const second = useServerSecond();
  const since = elapsed(Date.parse(alert.happened_at), second * 1000);
  return (
    <p className="card-clock">
      <span className="card-clock-label">{t("alert.elapsed")}</span>
      <span role="timer" aria-live="off" data-testid="alert-clock">
        {since}
      </span>
    </p>
  );
}

/** Not a real event: said by stripes, colour and words. */
export function OriginBadge({ alert, long }: { alert: AlertSummary; long?: boolean }): ReactNode {
  const { t } = useTranslation();
  if (alert.origin === "live") return null;
  return (
    <span className="origin" data-origin={alert.origin}>
      <strong>{t(`origin.${alert.origin}`)}</strong>
      {long && <span className="origin-text">{t(`originText.${alert.origin}`)}</span>}
    </span>
  );
}

function Person({ alert }: { alert: AlertSummary }): ReactNode {
  const { t } = useTranslation();
  const { elder, place } = alert;
  const late = alert.late_s >= LATE_SHOWN_S;
  return (
    <div className="card-person">
      {elder?.photo_id != null && (
        // The name stands beside it; a picture that does not load leaves nothing behind.
        <img
          className="card-photo"
          src={`/api/v1/elders/${elder.id}/photo?v=${elder.photo_id}`}
          alt=""
          width={88}
          height={88}
          onError={(event) => (event.currentTarget.hidden = true)}
        />
      )}
      <p className="card-place" data-testid="alert-place">
        <span className="card-bed">{bedText(t, alert)}</span>
        {place !== null && <span className="card-unit">{place.label}</span>}
      </p>
      <p className="card-elder">
        <span className="card-name" data-testid="alert-elder">
          {elderText(t, alert)}
        </span>
        {elder !== null && (
          <span>
            {t(`sex.${elder.sex}`)} · {t("alert.age", { age: elder.age })}
          </span>
        )}
      </p>
      {elder !== null && elder.care_note !== "" && (
        <p className="card-note">
          <span className="card-note-label">{t("alert.careNote")}</span> {elder.care_note}
        </p>
      )}
      <p className="card-times" data-late={late}>
        {late
          ? t("alert.late", {
              happened: shortTime(alert.happened_at),
              arrived: shortTime(alert.raised_at),
            })
          : t("alert.happened", { time: clockTime(alert.happened_at) })}
        {alert.count > 1 &&
          ` · ${t("alert.repeated", { count: alert.count, time: shortTime(alert.updated_at) })}`}
      </p>
      {alert.recovered && <p className="card-recovered">{t("alert.recovered")}</p>}
    </div>
  );
}

function EvidencePart({ detail }: { detail: UseQueryResult<AlertDetail> }): ReactNode {
  const { t } = useTranslation();
  if (detail.data === undefined) {
    const why = detail.error ?? detail.failureReason;
    return (
      <div className="card-evidence plot-waiting" role={why ? "alert" : "status"}>
        {why ? t("evidence.failed", { why: explain(t, why) }) : t("evidence.loading")}
      </div>
    );
  }
  const shown = evidenceOf(detail.data);
  return (
    <div className="card-evidence">
      {shown === null ? (
        <p className="plot-waiting">{t("evidence.none")}</p>
      ) : (
        <Suspense fallback={<div className="plot-waiting">{t("evidence.loading")}</div>}>
          <EvidencePlot evidence={shown.evidence} />
        </Suspense>
      )}
      <Details detail={detail.data} />
    </div>
  );
}

function ConflictText({ alert }: { alert: AlertSummary }): string {
  const { t } = useTranslation();
  if (alert.resolved_at !== null) {
    const name = alert.resolved_by ?? t("common.unknown");
    return t("alert.conflictResolved", { name, time: clockTime(alert.resolved_at) });
  }
  if (alert.attending_at !== null) {
    const name = alert.attending_by ?? t("common.unknown");
    return t("alert.attendingBy", { name, time: clockTime(alert.attending_at) });
  }
  if (alert.acknowledged_at !== null) {
    const name = alert.acknowledged_by ?? t("common.unknown");
    return t("alert.conflict", { name, time: clockTime(alert.acknowledged_at) });
  }
  return t("alert.conflictOther", { state: alert.state });
}

/** What the first button says: a second person confirms, the first one waits for them. */
function useAcknowledgeLabel(alert: AlertSummary, move: { isPending: boolean; isError: boolean }): string {
  const { t } = useTranslation();
  if (move.isPending) return t("alert.acknowledging");
  if (move.isError) return t("alert.acknowledgeRetry");
  return alert.acknowledged_at !== null && alert.second_due ? t("alert.secondConfirm") : t("alert.acknowledge");
}

function Actions({ alert, me, accept, onResolve, onShelve }: CardProps): ReactNode {
  const { t } = useTranslation();
  const acknowledge = useMove(alert.id, accept, ACKNOWLEDGE_KEY);
  const next = useRef<HTMLButtonElement>(null);
  const elder = elderText(t, alert);
  const unanswered = isUnanswered(alert);
  const label = useAcknowledgeLabel(alert, acknowledge);
  const mine = alert.acknowledged_at !== null && alert.acknowledged_by === me?.name;
  return (
    <div className="card-actions">
      {unanswered && alert.second_due && mine ? (
        <p className="card-acknowledged" data-testid="second-waiting">
          {t("alert.secondBy")}
        </p>
      ) : unanswered ? (
        <Button
          type="primary"
          className="action action-acknowledge"
          data-testid="alert-acknowledge"
          aria-label={`${label} ${elder}`}
          aria-disabled={acknowledge.isPending}
          onClick={() => {
            if (acknowledge.isPending) return;
            // This button goes with the answer; who works by keyboard goes on at the next one.
            const onSuccess = () => next.current?.focus({ preventScroll: true });
            acknowledge.mutate({ move: "acknowledge" }, { onSuccess });
          }}
        >
          {label}
        </Button>
      ) : (
        <p className="card-acknowledged">
          <span aria-hidden="true">✓</span>{" "}
          {t("alert.acknowledgedBy", {
            name: alert.acknowledged_by ?? t("common.unknown"),
            time: clockTime(alert.acknowledged_at ?? alert.updated_at),
          })}
        </p>
      )}
      <Going alert={alert} accept={accept} onShelve={onShelve} />
      <Button
        ref={next}
        className="action"
        type={unanswered ? "default" : "primary"}
        data-testid="alert-resolve"
        aria-label={`${t("alert.resolve")} ${elder}`}
        onClick={() => onResolve(alert)}
      >
        {t("alert.resolve")}
      </Button>
      <div role="alert" className="card-failure">
        {acknowledge.isError &&
          unanswered &&
          t("alert.acknowledgeFailed", { why: explain(t, acknowledge.error) })}
        {acknowledge.data?.conflict === true && <ConflictText alert={acknowledge.data.detail} />}
      </div>
    </div>
  );
}

/** Who goes, who is there; and the two buttons to say so with one thumb. */
function Going({ alert, accept, onShelve }: Pick<CardProps, "alert" | "accept" | "onShelve">): ReactNode {
  const { t } = useTranslation();
  const go = useMove(alert.id, accept);
  const elder = elderText(t, alert);
  const { attending_at, attending_by, arrived_at, arrived_by } = alert;
  const label = { take_over: t("alert.takeOver"), arrive: t("alert.arrive") };
  const shelvable = alert.shelved_until === null && (alert.priority !== "high" || !isUnanswered(alert));
  const button = (move: "take_over" | "arrive") => (
    <Button
      className="action"
      data-testid={`alert-${move}`}
      aria-label={`${label[move]} ${elder}`}
      aria-disabled={go.isPending}
      onClick={() => go.isPending || go.mutate({ move })}
    >
      {label[move]}
    </Button>
  );
  return (
    <>
      {alert.step > 0 && !alert.arrived_at && (
        <p className="card-escalated">{t("alert.escalated", { step: alert.step })}</p>
      )}
      {alert.second_due && alert.acknowledged_at !== null && <p>{t("alert.secondDue")}</p>}
      {alert.shelved_until !== null && (
        <p>{t("alert.shelved", { name: alert.shelved_by ?? "", time: clockTime(alert.shelved_until) })}</p>
      )}
      {attending_at !== null && (
        <p data-testid="alert-going">
          {t("alert.attendingBy", { name: attending_by ?? t("common.unknown"), time: clockTime(attending_at) })}
        </p>
      )}
      {arrived_at !== null && (
        <p data-testid="alert-there">
          {t("alert.arrivedBy", { name: arrived_by ?? t("common.unknown"), time: clockTime(arrived_at) })}
        </p>
      )}
      {attending_at === null && arrived_at === null && button("take_over")}
      {arrived_at === null && button("arrive")}
      {onShelve !== null && shelvable && (
        <Button className="action" data-testid="alert-shelve" aria-label={`${t("alert.shelve")} ${elder}`} onClick={() => onShelve(alert)}>
          {t("alert.shelve")}
        </Button>
      )}
      {onShelve !== null && alert.shelved_until !== null && (
        <Button
          className="action"
          data-testid="alert-unshelve"
          aria-label={`${t("alert.unshelve")} ${elder}`}
          onClick={() => go.isPending || go.mutate({ move: "unshelve" })}
        >
          {t("alert.unshelve")}
        </Button>
      )}
      {go.isError && (
        <p role="alert" className="card-failure">
          {t("alert.moveFailed", { why: explain(t, go.error) })}
        </p>
      )}
      {go.data?.conflict === true && (
        <p role="alert" className="card-failure">
          <ConflictText alert={go.data.detail} />
        </p>
      )}
    </>
  );
}

/** Ids of alerts whose acknowledgement is under way: they are silent until it fails. */
export function useAcknowledging(): ReadonlySet<string> {
  const keys = useMutationState({
    filters: { mutationKey: [...ACKNOWLEDGE_KEY], status: "pending" },
    select: (mutation) => String(mutation.options.mutationKey?.[1]),
  });
  return new Set(keys);
}

/** Drawn again only when something of its own changes: fifty of them may be on one screen. */
export const AlertCard = memo(function AlertCard(props: CardProps): ReactNode {
  const { alert, me } = props;
  const { t } = useTranslation();
  const card = useRef<HTMLElement>(null);
  // Evidence is fetched and drawn for what can be seen soon, not for the fortieth card below.
  const near = useNear(card);
  const detail = useQuery({ queryKey: KEYS.alert(alert.id), queryFn: () => api.alert(alert.id), enabled: near });
  useShown(card, alert.id, alert.rings, me?.id ?? "");
  const titleId = `alert-${alert.id}`;
  return (
    <article
      ref={card}
      className="card"
      aria-labelledby={titleId}
      data-testid="alert-card"
      data-alert-id={alert.id}
      data-state={alert.state}
      data-priority={alert.priority}
      data-code={alert.code}
      data-origin={alert.origin}
    >
      <header className="card-head">
        <PriorityMark priority={alert.priority} />
        <h3 id={titleId} className="card-kind">
          {kindText(t, alert.code)}
          <span className="sr-only">
            {" "}
            {elderText(t, alert)} {bedText(t, alert)}
          </span>
        </h3>
        <span className="card-priority">{t(`priorityLong.${alert.priority}`)}</span>
        <span className="card-state">{t(`state.${alert.state}`)}</span>
        <OriginBadge alert={alert} long />
        <Clock alert={alert} />
      </header>
      <div className="card-body">
        <Person alert={alert} />
        <Actions {...props} />
        <EvidencePart detail={detail} />
        {detail.data && <Reasons detail={detail.data} />}
      </div>
    </article>
  );
});
