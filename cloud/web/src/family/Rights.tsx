import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { FamilyElder } from "../api/types";
import { dateOf } from "../shared/dayAndClock";

/** What this relative may see and on whose consent; and what not, and why. */
export function Rights({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  return (
    <details data-testid="family-rights">
      <summary>{t("rights")}</summary>
      <ul className="family-list">
        {elder.rights.map((right) => (
          <li key={right.kind} data-state={right.state}>
            <span aria-hidden="true">{right.state === "seen" ? "✓" : "✕"}</span>{" "}
            <strong>{t(`kind.${right.kind}`)}</strong>：{t(`right.${right.state}`)}
            {right.signer_name !== null && right.since !== null && (
              <>
                {" "}
                {t("signed", { name: right.signer_name, day: dateOf(right.since) })}
                {right.until !== null && ` · ${t("until", { time: dateOf(right.until) })}`}
              </>
            )}
          </li>
        ))}
      </ul>
      <p className="family-relation">{t("rightsHow")}</p>
    </details>
  );
}
