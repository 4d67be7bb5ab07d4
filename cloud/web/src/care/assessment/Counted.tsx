import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";

import { dayAndClock } from "../../shared/dayAndClock";
import type { Kind } from "../safety/calls";
import { assessmentApi, type Draft, type Incident } from "./api";

type Props = { elderId: string; draft: Draft; change: (changes: Partial<Draft>) => void };

/** Confirmed incidents count by themselves; an assessor may contest one, with a reason. */
export function Counted({ elderId, draft, change }: Props): ReactNode {
  const { t } = useTranslation("care");
  const { data } = useQuery({
    queryKey: ["assessment-incidents", elderId, draft.reference_date],
    queryFn: () => assessmentApi.incidents(elderId, draft.reference_date),
  });
  // Kept on the device by a version that did not know of it.
  const contested = (draft as Partial<Draft>).contested ?? [];
  const set = (incident_id: string, reason: string | null) => {
    const others = contested.filter((one) => one.incident_id !== incident_id);
    change({ contested: reason === null ? others : [...others, { incident_id, reason }] });
  };
  if (data === undefined) return <p role="status">{t("counted.unknown")}</p>;
  return (
    <section aria-labelledby="counted" data-testid="counted-incidents">
      <h3 id="counted" className="domain-head">
        {t("counted.title")}
      </h3>
      <p>{data.incidents.length === 0 ? t("counted.none") : t("counted.hint")}</p>
      <ul className="items">
        {data.incidents.map((one) => (
          <Line
            key={one.id}
            incident={one}
            reason={contested.find(({ incident_id }) => incident_id === one.id)?.reason ?? null}
            onContest={(reason) => set(one.id, reason)}
          />
        ))}
      </ul>
    </section>
  );
}

type LineProps = { incident: Incident; reason: string | null; onContest: (reason: string | null) => void };

function Line({ incident, reason, onContest }: LineProps): ReactNode {
  const { t } = useTranslation("care");
  const { t: safety } = useTranslation("safety");
  const id = useId();
  return (
    <li className="item">
      <span>{t("counted.line", { at: dayAndClock(incident.happened_at), by: incident.recorded_by, kind: safety(`kind.${incident.kind as Kind}`) })}</span>
      <label className="option">
        <input type="checkbox" checked={reason !== null} onChange={({ target }) => onContest(target.checked ? "" : null)} />
        <span>{t("counted.contest")}</span>
      </label>
      {reason !== null && (
        <div className="field">
          <label htmlFor={id}>{t("counted.why")}</label>
          <input id={id} value={reason} maxLength={500} onChange={({ target }) => onContest(target.value)} />
        </div>
      )}
    </li>
  );
}
