import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { FamilyElder } from "../api/types";
import { shortTime } from "../shared/time";
import { useTold } from "./told";

/** What staff answered in the last days, and how fast. */
export function Answers({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  const told = useTold();
  const { answers, open_alert } = elder;
  if (answers === null) return null;
  return (
    <>
      <dt>{t("answers", { days: answers.days })}</dt>
      <dd data-testid="family-answers">
        {open_alert === true && <strong>{t("openNow")} </strong>}
        {told(answers)}
        {answers.recent.length > 0 && (
          <ul className="family-list">
            {answers.recent.map((one) => (
              <li key={one.happened_at}>
                {shortTime(one.happened_at)} · {told(one)}
              </li>
            ))}
          </ul>
        )}
      </dd>
    </>
  );
}
