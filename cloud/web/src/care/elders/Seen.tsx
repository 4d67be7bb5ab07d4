import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";

import type { ElderCoverage } from "../../api/types";
import { zh } from "../../i18n/zh";
import { shortTime } from "../../shared/time";

type Role = keyof typeof zh.coverage.role;
const isRole = (name: string): name is Role => name in zh.coverage.role;
const MARKS = { protected: "●", degraded: "◐", blind: "⊘" } as const;

/** What can be seen of this elder now, what is missing and since when. Blind is never well. */
export function Seen({ coverage }: { coverage: ElderCoverage }): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common } = useTranslation();
  const id = useId();
  const { state, since, cause, lacking, silent } = coverage;
  const words = state === "protected" ? t("seen") : common(`coverage.${state}`);
  return (
    <section aria-labelledby={id} data-testid="elder-coverage" data-state={state}>
      <h2 id={id}>{t("coverage")}</h2>
      <p className={state === "protected" ? undefined : "warn"}>
        <span aria-hidden="true">{MARKS[state]}</span> <strong>{words}</strong>{" "}
        {since !== null && common("coverage.since", { time: shortTime(since) })}{" "}
        {cause !== null && common(`coverage.cause.${cause}`)}
      </p>
      {(lacking.length > 0 || silent.length > 0) && (
        <ul>
          {lacking.map((item) => (
            <li key={item.capability}>
              {common(item.level === "lost" ? "coverage.lost" : "coverage.partial", {
                what: common(`coverage.capability.${item.capability}`),
              })}{" "}
              {common("coverage.since", { time: shortTime(item.since) })}
            </li>
          ))}
          {silent.map((item) => (
            <li key={`${item.device_id}/${item.since}`}>
              {item.room} {isRole(item.role) ? common(`coverage.role.${item.role}`) : item.role} {item.device_id}:{" "}
              {t("silent")} {common("coverage.since", { time: shortTime(item.since) })}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
