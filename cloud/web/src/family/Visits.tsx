import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import { dayAndClock } from "../shared/dayAndClock";
import { explain } from "../shared/explain";

const EVERY_MS = 5 * 60_000;

/** Who came by and when; what was found is told by people, not by a page. */
export function Visits({ elderId }: { elderId: string }): ReactNode {
  const { t } = useTranslation("family");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: ["family-visits"],
    queryFn: () => answer(client.GET("/api/v1/family/visits")),
    refetchInterval: EVERY_MS,
  });
  if (data === undefined && failureReason !== null)
    return <p role="alert">{t("visitsFailed", { why: explain(common, failureReason) })}</p>;
  const theirs = data?.elders.find(({ elder_id, shared }) => elder_id === elderId && shared);
  if (theirs === undefined) return null;
  return (
    <details data-testid="family-visits">
      <summary>{t("visits")}</summary>
      {theirs.done.length === 0 && <p>{t("noVisits")}</p>}
      <ul className="family-list">
        {theirs.done.map((visit) => (
          <li key={`${visit.at} ${visit.by}`}>
            {dayAndClock(visit.at)} · {visit.by} · {t(`visitWay.${visit.way}`)} · {t(`visitOutcome.${visit.outcome}`)}
          </li>
        ))}
      </ul>
      {theirs.next_due_on !== null && <p>{t("nextVisit", { day: theirs.next_due_on })}</p>}
    </details>
  );
}
