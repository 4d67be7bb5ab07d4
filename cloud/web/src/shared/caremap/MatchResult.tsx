import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";

import type { Candidate, Matches, Service } from "./calls";
import { useCareWords } from "./words";

type Props = { result: Matches; services: readonly Service[]; children?: ReactNode };

/** Who fits, in order, and who does not; each with all its reasons. */
export function MatchResult({ result, services, children }: Props): ReactNode {
  const { t } = useTranslation("caremap");
  const id = useId();
  return (
    <section aria-labelledby={id} className="match-result" data-testid="match-result">
      <h2 id={id}>{t("result.title")}</h2>
      <p>{t(`result.place.${result.place_from ?? "none"}`)}</p>
      <h3>{t("result.fitting", { count: result.fitting.length })}</h3>
      {result.fitting.length === 0 && <p role="status">{t("result.none")}</p>}
      <ol className="match-list">
        {result.fitting.map((one, index) => (
          <CandidateCard key={one.id} one={one} services={services} number={index + 1} />
        ))}
      </ol>
      {children}
      {result.left_out.length > 0 && (
        <details open={result.fitting.length === 0}>
          <summary>{t("result.left", { count: result.left_out.length })}</summary>
          <ul className="match-list">
            {result.left_out.map((one) => (
              <CandidateCard key={one.id} one={one} services={services} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function CandidateCard({ one, services, number }: { one: Candidate; services: readonly Service[]; number?: number }): ReactNode {
  const { t } = useTranslation("caremap");
  const words = useCareWords(services);
  return (
    <li className="match-card" data-fits={one.score !== null}>
      <h4>
        {number !== undefined && <span className="match-number">{number}</span>}
        {one.name}
        <small>
          {" "}
          {one.who === "house" ? one.own && t("own") : t(`result.person.${one.who}`)}
          {one.score !== null && <> · {t("result.score", { score: Math.round(one.score * 100) })}</>}
        </small>
      </h4>
      {one.who === "house" && (
        <p>
          {one.address}
          {one.phone !== "" && <> · <a href={`tel:${one.phone.replace(/[^+\d]/g, "")}`}>{t("result.phone", { phone: one.phone })}</a></>}
        </p>
      )}
      <ul className="match-reasons">
        {one.reasons.map((reason) => (
          <li key={reason.code}>{words.reason(reason)}</li>
        ))}
      </ul>
    </li>
  );
}
