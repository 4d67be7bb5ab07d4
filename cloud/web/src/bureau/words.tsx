import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { BureauNode, Figure, Indicator } from "./api";

const HOUR_S = 3600;
const hours = (seconds: number | null): string =>
  ((seconds ?? 0) / HOUR_S).toLocaleString("zh-CN", { maximumFractionDigits: 1 });

/** The words of an indicator in the language of the page. */
export function useIndicatorWords(): (one: Indicator) => Indicator["zh"] {
  const { i18n } = useTranslation();
  return (one) => (i18n.language === "en" ? one.en : one.zh);
}

/** The name of an indicator's part: a state, or the kind of an alert. */
export function useKindName(): (kind: string) => string {
  const { t } = useTranslation("bureau");
  const { t: common } = useTranslation();
  return (kind) => t(`kind.${kind}` as "kind.blind", { defaultValue: common(`code.${kind}` as "code.sos", { defaultValue: kind }) });
}

export function useNodeName(): (node: BureauNode) => string {
  const { t } = useTranslation("bureau");
  return (node) => (node.level === "all" ? node.name || t("all") : node.name || t("noDistrict"));
}

/** One number in words. What is masked or unknown is a word, never a zero or a dash. */
export function FigureValue({ figure, indicator, below }: { figure: Figure; indicator: Indicator; below: number }): ReactNode {
  const { t } = useTranslation("bureau");
  if (!figure.known) return <em className="figure-unknown">{indicator.connected ? t("unknown") : t("notConnected")}</em>;
  if (figure.masked)
    return (
      <em className="figure-masked" title={t("maskedWhy", { below })}>
        {t("masked")}
      </em>
    );
  if (indicator.shape === "times")
    return figure.median_s === null ? t("noValue") : t("times", { median: figure.median_s, p95: figure.p95_s });
  if (indicator.shape === "count")
    return (
      <>
        <strong>{figure.part}</strong>
        {figure.per_1000 !== null && <> · {t("per1000", { rate: figure.per_1000 })}</>}
      </>
    );
  return figure.percent === null ? t("noValue") : <strong>{figure.percent} %</strong>;
}

/** What is behind the number; nothing, where that is not told. */
export function FigureBehind({ figure, indicator }: { figure: Figure; indicator: Indicator }): ReactNode {
  const { t } = useTranslation("bureau");
  if (!figure.known || figure.masked) return null;
  if (indicator.shape === "hours") return t("hours", { part: hours(figure.part), whole: hours(figure.whole) });
  if (indicator.shape === "count" && figure.per_1000 === null) return null;
  return `${String(figure.part)} / ${String(figure.whole)}`;
}

/** Met or not, said in words beside the number it is held against. */
export function GoalMark({ figure, indicator }: { figure: Figure; indicator: Indicator }): ReactNode {
  const { t } = useTranslation("bureau");
  const goal = indicator.goal_percent;
  if (goal === null) return null;
  if (figure.percent === null) return `${String(goal)} %`;
  const met = figure.percent >= goal;
  return (
    <span className={met ? "goal-met" : "goal-missed"}>
      {goal} % {met ? t("goalMet") : t("goalMissed")}
    </span>
  );
}
