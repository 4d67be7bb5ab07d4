import Button from "antd/es/button";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { type AlertDetail, type AlertSummary, INJURIES, type Injury, type MoveIn } from "../api/types";
import { explain } from "../shared/explain";
import { useMove } from "./useMove";
import { bedText, elderText, kindText } from "./words";

type Family = NonNullable<MoveIn["family"]>;
const FAMILY: readonly Family[] = ["told", "not_required", "unreachable"];

type Props = { alert: AlertSummary; accept: (detail: AlertDetail) => void; onClose: () => void };

/** The report without which a high alert is not closed: injury, measure, family. */
export function CloseDialog({ alert, accept, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const [injury, setInjury] = useState<Injury | "">(alert.injury ?? "");
  const [measure, setMeasure] = useState("");
  const [cause, setCause] = useState("");
  const [family, setFamily] = useState<Family | "">("");
  const close = useMove(alert.id, accept);
  const ids = { title: useId(), injury: useId(), measure: useId(), cause: useId(), family: useId() };
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={ids.title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (close.isPending) return;
          close.mutate(
            {
              move: "close",
              injury: injury === "" ? null : injury,
              family: family === "" ? null : family,
              measure: measure.trim() || null,
              cause: cause.trim() || null,
            },
            { onSuccess: onClose },
          );
        }}
      >
        <h2 id={ids.title}>
          {t("close.title", { kind: kindText(t, alert.code), elder: elderText(t, alert) })}
        </h2>
        <p className="dialog-place">{bedText(t, alert)}</p>
        <label htmlFor={ids.injury}>{t("close.injury")}</label>
        <select id={ids.injury} value={injury} onChange={(event) => setInjury(event.target.value as Injury | "")}>
          <option value="">{t("close.choose")}</option>
          {INJURIES.map((each) => (
            <option key={each} value={each}>
              {t(`injury.${each}`)}
            </option>
          ))}
        </select>
        <label htmlFor={ids.measure}>{t("close.measure")}</label>
        <textarea id={ids.measure} rows={2} maxLength={500} value={measure} onChange={(event) => setMeasure(event.target.value)} />
        <label htmlFor={ids.cause}>{t("close.cause")}</label>
        <textarea id={ids.cause} rows={2} maxLength={500} value={cause} onChange={(event) => setCause(event.target.value)} />
        <label htmlFor={ids.family}>{t("close.family")}</label>
        <select id={ids.family} value={family} onChange={(event) => setFamily(event.target.value as Family | "")}>
          <option value="">{t("close.choose")}</option>
          {FAMILY.map((each) => (
            <option key={each} value={each}>
              {t(`familyTold.${each}`)}
            </option>
          ))}
        </select>
        <div role="alert" className="card-failure">
          {close.isError && t("close.failed", { why: explain(t, close.error) })}
        </div>
        <div className="dialog-actions">
          <Button htmlType="button" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="primary" htmlType="submit" data-testid="close-submit" aria-disabled={close.isPending}>
            {t("close.submit")}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
