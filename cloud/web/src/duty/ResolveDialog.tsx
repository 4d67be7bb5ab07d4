import Button from "antd/es/button";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { type AlertDetail, type AlertSummary, type Finding, findingsOf } from "../api/types";
import { explain } from "../shared/explain";
import { clockTime } from "../shared/time";
import { useMove } from "./useMove";
import { bedText, elderText, kindText } from "./words";

// The API's own limit.
const NOTE_LIMIT = 2000;

type Props = {
  alert: AlertSummary;
  accept: (detail: AlertDetail) => void;
  onClose: () => void;
};

type ChoiceProps = {
  alert: AlertSummary;
  value: Finding | null;
  onChange: (finding: Finding) => void;
};

/** What the old buttons were called; tests of the whole way know them by that. */
const VERDICT_OF: Partial<Record<Finding, string>> = {
  real_fall: "true",
  real: "true",
  false_alarm: "false",
  sat_hard: "false",
  unclear: "unclear",
  test: "test",
};

function FindingChoice({ alert, value, onChange }: ChoiceProps): ReactNode {
  const { t } = useTranslation();
  const name = useId();
  return (
    <fieldset className="verdicts">
      <legend>{t("resolve.question")}</legend>
      {findingsOf(alert).map((finding) => (
        <label
          key={finding}
          className="verdict"
          data-verdict={VERDICT_OF[finding] ?? "false"}
          data-testid={
            VERDICT_OF[finding] ? `resolve-verdict-${VERDICT_OF[finding]}` : `resolve-finding-${finding}`
          }
        >
          <input
            type="radio"
            name={name}
            checked={value === finding}
            onChange={() => onChange(finding)}
          />
          <span className="verdict-name">{t(`finding.${finding}`)}</span>
          <span className="verdict-hint">{t(`findingHint.${finding}`)}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** What was found at the bedside. A native dialog: it traps the focus and closes on Escape. */
export function ResolveDialog({ alert, accept, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const [finding, setFinding] = useState<Finding | null>(null);
  const [note, setNote] = useState("");
  const [missing, setMissing] = useState(false);
  const titleId = useId();
  const noteId = useId();
  const resolve = useMove(alert.id, accept);
  // Someone else was first: the server said so to us, or the list while we were still writing.
  const elsewhere = alert.resolved_at !== null && resolve.isIdle ? alert : null;
  const conflict = resolve.data?.conflict === true ? resolve.data.detail : elsewhere;

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const submit = () => {
    if (resolve.isPending) return;
    setMissing(finding === null);
    if (finding === null) return;
    const trimmed = note.trim();
    resolve.mutate(
      { move: "resolve", finding, note: trimmed === "" ? null : trimmed },
      { onSuccess: (done) => done.conflict || onClose() },
    );
  };

  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={titleId} onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <h2 id={titleId}>
          {t("resolve.title", { kind: kindText(t, alert.code), elder: elderText(t, alert) })}
        </h2>
        <p className="dialog-place">{bedText(t, alert)}</p>
        <FindingChoice
          alert={alert}
          value={finding}
          onChange={(chosen) => {
            setFinding(chosen);
            setMissing(false);
          }}
        />
        <label htmlFor={noteId}>{t("resolve.note")}</label>
        <textarea
          id={noteId}
          rows={3}
          maxLength={NOTE_LIMIT}
          value={note}
          placeholder={t("resolve.notePlaceholder")}
          onChange={(event) => setNote(event.target.value)}
        />
        <div role="alert" className="card-failure">
          {missing && t("resolve.choose")}
          {resolve.isError && t("resolve.failed", { why: explain(t, resolve.error) })}
          {conflict?.resolved_at &&
            t("alert.conflictResolved", {
              name: conflict.resolved_by ?? t("common.unknown"),
              time: clockTime(conflict.resolved_at),
            })}
        </div>
        <div className="dialog-actions">
          <Button htmlType="button" onClick={onClose}>
            {conflict ? t("common.close") : t("common.cancel")}
          </Button>
          {!conflict && (
            <Button type="primary" htmlType="submit" data-testid="resolve-submit" aria-disabled={resolve.isPending}>
              {resolve.isPending ? t("resolve.submitting") : t("resolve.submit")}
            </Button>
          )}
        </div>
      </form>
    </dialog>
  );
}
