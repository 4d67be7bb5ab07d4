import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { type Assessment, assessmentApi, type Report } from "./api";

/** The result of a filed assessment, each step of it. */
export function ReportView({ assessment, report, name }: { assessment: Assessment; report: Report; name: string }): ReactNode {
  const { t, i18n } = useTranslation("care");
  const zh = i18n.language === "zh";
  return (
    <article className="report" data-testid="report">
      <h2>
        {t("report.title")} {name && `· ${name}`}
      </h2>
      <ol className="steps">
        {report.domains.map((domain) => (
          <li key={domain.code}>
            {domain.code} {domain.name} <strong className="number">{domain.score}</strong> / {domain.highest}
          </li>
        ))}
        <li>{t("report.total", { total: report.total })}</li>
        <li>{t("report.first", { level: report.first_level_name })}</li>
        {report.grounds.length === 0 && <li>{t("report.noGround")}</li>}
        {report.grounds.map((ground) => (
          <li key={ground.rule}>
            {t("report.ground", {
              text: ground.text,
              because: zh ? ground.because : ground.because_en,
              before: ground.level_before,
              after: ground.level_after,
            })}
          </li>
        ))}
        <li className="final-level">{t("report.final", { level: report.final_level_name })}</li>
      </ol>
      {assessment.counted.length + assessment.contested.length > 0 && (
        <p>
          {t("counted.filed", { counted: assessment.counted.length, contested: assessment.contested.length })}
          {assessment.contested.map(({ reason }) => ` ${reason}`).join("；")}
        </p>
      )}
      <p>
        {t("report.settings", {
          adds: report.changes_add_up ? t("report.adds") : t("report.addsNot"),
          counts: report.events_count_together ? t("report.together") : t("report.apart"),
        })}
      </p>
      <p>
        <a href={assessmentApi.reportAddress(assessment.elder_id, assessment.id)} target="_blank" rel="noreferrer">
          {t("elder.report")}
        </a>
      </p>
    </article>
  );
}
