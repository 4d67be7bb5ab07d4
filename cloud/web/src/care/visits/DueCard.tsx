import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { dayAndClock } from "../../shared/dayAndClock";
import { useMe } from "../../shared/useMe";
import { CheckInForm } from "./CheckInForm";
import type { DueRow } from "./calls";
import { dayOf, whyEarlier } from "./words";

type Props = { row: DueRow; number?: number; children?: ReactNode };

/** One elder of a list: when, why, what was last, and the check-in. */
export function DueCard({ row, number, children }: Props): ReactNode {
  const { t } = useTranslation("visits");
  const { me } = useMe();
  const [open, setOpen] = useState(false);
  const why = whyEarlier(t, row);
  return (
    <li className="visit-card" data-standing={row.standing} data-testid="visit-card">
      <h3>
        {number !== undefined && <span className="visit-number">{number}</span>}
        <Link to={`/care/visits/elders/${row.elder_id}`}>{row.elder_name}</Link> <small>{row.where}</small>
      </h3>
      <p className={row.standing === "overdue" ? "overdue" : undefined}>
        {t(`standing.${row.standing}`, { at: dayOf(row.due_at) })}
      </p>
      {why.length > 0 && (
        <p className="visit-why">
          {t("earlier")}
          {why.join("；")}
        </p>
      )}
      {children}
      <p>
        <small>
          {t("every", { days: row.interval_days })} ·{" "}
          {row.last_done_at ? t("last", { at: dayAndClock(row.last_done_at), by: row.last_done_by }) : t("never")}
          {row.last_attempt && row.last_attempt !== "done" && row.last_attempt_at && (
            <> · {t("attempt", { at: dayAndClock(row.last_attempt_at), what: t(`outcome.${row.last_attempt}`) })}</>
          )}
          {row.open_followups > 0 && <> · {t("openFollowups", { count: row.open_followups })}</>}
          {row.visitor && <> · {t("visitorIs", { name: row.visitor })}</>}
        </small>
      </p>
      {me?.permissions.includes("care_write") && (
        <div className="visit-actions">
          <Button onClick={() => setOpen(!open)} aria-expanded={open}>
            {t("checkIn.open")}
          </Button>
        </div>
      )}
      {open && <CheckInForm elder={{ id: row.elder_id, name: row.elder_name }} done={() => setOpen(false)} />}
    </li>
  );
}
