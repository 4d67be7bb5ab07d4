import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { AskButton } from "../../shared/AskButton";
import { dateOf } from "../../shared/dayAndClock";
import { type Erased, elders } from "./calls";
import type { Part } from "./ElderRecordPage";

/** A copy of all that is kept of somebody, and taking away what need not be kept. */
export function Rights({ id, page, may }: Part): ReactNode {
  const { t, i18n } = useTranslation("elders");
  const [erased, setErased] = useState<Erased | null>(null);
  if (!may("records_export") && !may("series_erase")) return null;
  const erase = async (reason: string) => setErased(await elders.erase(id, reason));
  const kept = erased?.kept.map(({ title, title_en, why }) => `${i18n.language === "en" ? title_en : title}（${why}）`);
  return (
    <section aria-labelledby="elder-rights" className="no-print">
      <h2 id="elder-rights">{t("rights.title")}</h2>
      <p>{t("rights.hint")}</p>
      {may("records_export") && (
        <p>
          <a href={`/api/v1/elders/${id}/record/export`} download>
            {t("rights.record")}
          </a>
          {" · "}
          <a href={`/api/v1/elders/${id}/series/export?format=csv`} download>
            {t("rights.series")}
          </a>
        </p>
      )}
      {may("series_erase") && (
        <AskButton
          label={t("rights.erase")}
          title={t("rights.sure", { name: page.record.name })}
          testId="erase-elder"
          questions={[{ name: "reason", label: t("rights.reason"), required: true, multiline: true }]}
          onAnswer={({ reason = "" }) => erase(reason)}
        />
      )}
      {erased !== null && (
        <div role="status" data-testid="erased">
          <p>
            {erased.whole
              ? t("rights.gone")
              : erased.in_care || erased.file_until === null
                ? t("rights.inCare")
                : t("rights.until", { day: dateOf(erased.file_until) })}
          </p>
          <details>
            <summary>{t("rights.kept", { count: erased.kept.length })}</summary>
            <ul>
              {kept?.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          </details>
        </div>
      )}
    </section>
  );
}
