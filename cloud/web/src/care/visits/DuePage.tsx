import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Fetching } from "../../shared/Fetching";
import { type DueRow, VISIT_KEYS, visits } from "./calls";
import { DueCard } from "./DueCard";

const EVERY_MS = 60_000;

/** Who is to be visited: overdue, today, soon; and who lives at home without a plan. */
export function DuePage(): ReactNode {
  const { t } = useTranslation("visits");
  const { data, failureReason } = useQuery({ queryKey: VISIT_KEYS.due, queryFn: visits.due, refetchInterval: EVERY_MS });
  const rows = data?.rows ?? [];
  const late = rows.filter(({ standing }) => standing === "overdue");
  const near = rows.filter(({ standing }) => standing === "today" || standing === "soon");
  const rest = rows.filter(({ standing }) => standing === "ok");
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data !== undefined && (
        <>
          <Cards title={t("due.overdue", { count: late.length })} rows={late} empty={t("due.noneOverdue")} />
          <Cards title={t("due.near", { count: near.length })} rows={near} empty={t("due.noneNear")} />
          {data.unplanned.length > 0 && (
            <section aria-labelledby="unplanned">
              <h2 id="unplanned">{t("due.unplanned", { count: data.unplanned.length })}</h2>
              <ul>
                {data.unplanned.map(({ elder_id, elder_name, where }) => (
                  <li key={elder_id}>
                    <Link className="touch" to={`/care/visits/elders/${elder_id}`}>
                      {elder_name} · {where}
                    </Link>
                  </li>
                ))}
              </ul>
            </section>
          )}
          <Cards title={t("due.later", { count: rest.length })} rows={rest} empty={t("due.noneLater")} />
        </>
      )}
    </>
  );
}

function Cards({ title, rows, empty }: { title: string; rows: readonly DueRow[]; empty: string }): ReactNode {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {rows.length === 0 && <p>{empty}</p>}
      <ul className="visit-list">
        {rows.map((row) => (
          <DueCard key={row.elder_id} row={row} />
        ))}
      </ul>
    </section>
  );
}
