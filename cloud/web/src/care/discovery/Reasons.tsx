import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { DiscoveryCase, ReasonOut } from "./calls";

type UnknownName = "movement" | "night" | "bed" | "bathroom" | "vitals" | "weight" | "level" | "economic";

/** Every point in words; what stands in the record in one line; and what is not known. */
export function Reasons({ item }: { item: DiscoveryCase }): ReactNode {
  const { t, i18n } = useTranslation("discovery");
  const words = (reason: ReasonOut) => (i18n.language === "en" ? reason.text_en : reason.text_zh);
  const seen = item.reasons.filter(({ group }) => group !== "record");
  const record = item.reasons.filter(({ group }) => group === "record");
  const sum = record.reduce((total, { points }) => total + points, 0);
  const comma = i18n.language === "en" ? ", " : "、";
  return (
    <>
      <ul className="discovery-reasons">
        {seen.map((reason) => (
          <li key={`${reason.kind} ${reason.text_en}`} data-kind={reason.kind}>
            <span className="points">{t("points", { points: reason.points.toFixed(1) })}</span>
            <span>
              {reason.hard && <strong>{t("hard")} · </strong>}
              {words(reason)}
            </span>
          </li>
        ))}
        {record.length > 0 && (
          <li>
            <span className="points">{t("points", { points: sum.toFixed(1) })}</span>
            <span>
              {t("record")}：{record.map((reason) => `${words(reason)}（${reason.points}）`).join(comma)}
            </span>
          </li>
        )}
      </ul>
      {item.unknown.length > 0 && (
        <p className="discovery-muted">
          {t("unknown", { what: item.unknown.map((name) => t(`unknownNames.${name as UnknownName}`)).join(comma) })}
        </p>
      )}
    </>
  );
}
