import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { AlertDetail } from "../api/types";
import { clockTime, exactTime } from "../shared/time";
import { evidenceOf } from "./evidence";
import { hopText } from "./words";

/** Why the detector decided so, in the chosen language. */
export function Reasons({ detail }: { detail: AlertDetail }): ReactNode {
  const { t, i18n } = useTranslation();
  const event = evidenceOf(detail)?.event ?? detail.events.at(-1);
  if (event === undefined || event.reasons.length === 0) return null;
  return (
    <ul className="reasons" aria-label={t("evidence.reasons")}>
      {event.reasons.map((reason) => (
        <li key={reason.code}>{i18n.language === "en" ? reason.text_en : reason.text_zh}</li>
      ))}
    </ul>
  );
}

type Hop = AlertDetail["ledger"][number];

/** The first time of each hop, in order: that is when the way got there. */
export function firstHops(ledger: readonly Hop[]): { first: Hop; times: number }[] {
  const inOrder = [...ledger].sort((a, b) => a.at.localeCompare(b.at));
  const hops = new Map<string, { first: Hop; times: number }>();
  for (const hop of inOrder) {
    const known = hops.get(hop.hop);
    if (known) known.times += 1;
    else hops.set(hop.hop, { first: hop, times: 1 });
  }
  return [...hops.values()];
}

function Ledger({ detail }: { detail: AlertDetail }): ReactNode {
  const { t } = useTranslation();
  const happenedMs = Date.parse(detail.happened_at);
  return (
    <div className="scroll-x">
      <table className="ledger">
        <caption>{t("evidence.ledger")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("evidence.ledgerHop")}</th>
            <th scope="col">{t("evidence.ledgerAt")}</th>
            <th scope="col">{t("evidence.ledgerAfter")}</th>
            <th scope="col">{t("evidence.ledgerBy")}</th>
          </tr>
        </thead>
        <tbody>
          {firstHops(detail.ledger).map(({ first: hop, times }) => (
            <tr key={hop.hop}>
              <th scope="row">{hopText(t, hop.hop)}</th>
              <td className="number">{exactTime(hop.at)}</td>
              <td className="number">
                {t("evidence.afterSeconds", {
                  seconds: ((Date.parse(hop.at) - happenedMs) / 1000).toFixed(1),
                })}
              </td>
              <td>
                {hop.by}
                {times > 1 && ` ${t("evidence.times", { count: times })}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What few need at 03:00: who decided, by which version, and how long each step took. */
export function Details({ detail }: { detail: AlertDetail }): ReactNode {
  const { t } = useTranslation();
  const detectors = new Set(
    detail.events.map((event) => t("evidence.detectorText", event.detector)),
  );
  const spoken = detail.moves.filter((move) => move.note !== null && move.note !== "");
  return (
    <details className="details">
      <summary>{t("evidence.details")}</summary>
      <p>
        {t("evidence.detector")}: {[...detectors].join(", ") || t("common.unknown")} ·{" "}
        {t("alert.confidence", { percent: Math.min(99, Math.round(detail.confidence * 100)) })} ·{" "}
        {t("evidence.device")}: {detail.device_id}
      </p>
      <Ledger detail={detail} />
      {spoken.length > 0 && (
        <ul aria-label={t("evidence.notes")}>
          {spoken.map((move) => (
            <li key={`${move.move}${move.at}`}>
              {clockTime(move.at)} {move.actor} {move.note}
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
