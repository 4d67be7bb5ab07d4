import Button from "antd/es/button";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { AlertDetail, AlertSummary } from "../api/types";
import { explain } from "../shared/explain";
import { serverClock } from "../shared/time";
import { useMove } from "./useMove";
import { bedText, elderText, kindText } from "./words";

// 8 h is the longest the hub takes (cloud/alerts/machine.py, LONGEST_SHELF).
const MINUTES = [15, 30, 60, 120, 240, 480] as const;
const DEFAULT_MINUTES = 30;
const REASON_LIMIT = 500;

type Props = {
  move: "shelve" | "reopen";
  alert: AlertSummary;
  accept: (detail: AlertDetail) => void;
  onClose: () => void;
};

/** Setting an alert aside for a while, or taking an ended one up again: never without a reason. */
export function ReasonDialog({ move, alert, accept, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState("");
  const [minutes, setMinutes] = useState<number>(DEFAULT_MINUTES);
  const made = useMove(alert.id, accept);
  const ids = { title: useId(), reason: useId(), minutes: useId() };
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const shelves = move === "shelve";
  const submit = () => {
    if (made.isPending) return;
    const until = new Date(serverClock.nowMs() + minutes * 60_000).toISOString();
    made.mutate(
      { move, note: reason.trim(), ...(shelves && { until }) },
      { onSuccess: (done) => done.conflict || onClose() },
    );
  };
  const words = { kind: kindText(t, alert.code), elder: elderText(t, alert) };
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={ids.title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <h2 id={ids.title}>{shelves ? t("shelve.title", words) : t("shelve.reopenTitle", words)}</h2>
        <p className="dialog-place">{bedText(t, alert)}</p>
        {shelves && (
          <>
            <p>{t("shelve.text")}</p>
            <label htmlFor={ids.minutes}>{t("shelve.hours")}</label>
            <select id={ids.minutes} value={minutes} data-testid="shelve-minutes" onChange={(event) => setMinutes(Number(event.target.value))}>
              {MINUTES.map((each) => (
                <option key={each} value={each}>
                  {each < 60 ? t("shelve.minutes", { count: each }) : t("shelve.hour", { count: each / 60 })}
                </option>
              ))}
            </select>
          </>
        )}
        <label htmlFor={ids.reason}>{t("shelve.reason")}</label>
        <textarea
          id={ids.reason}
          rows={2}
          required
          maxLength={REASON_LIMIT}
          value={reason}
          data-testid="reason"
          onChange={(event) => setReason(event.target.value)}
        />
        <div role="alert" className="card-failure">
          {made.isError && t("shelve.failed", { why: explain(t, made.error) })}
          {made.data?.conflict === true && t("alert.conflictOther", { state: t(`state.${made.data.detail.state}`) })}
        </div>
        <div className="dialog-actions">
          <Button htmlType="button" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="primary" htmlType="submit" data-testid="reason-submit" aria-disabled={made.isPending}>
            {shelves ? t("shelve.submit") : t("shelve.reopenSubmit")}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
