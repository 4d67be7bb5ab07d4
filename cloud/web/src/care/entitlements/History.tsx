import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../../api/client";
import { dayAndClock } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";

/** How the standings came to be: each change, when and because of what; fetched once it is opened. */
export function History({ elderId }: { elderId: string }): ReactNode {
  const { t, i18n } = useTranslation("care");
  const { t: common } = useTranslation();
  const { t: services } = useTranslation("services");
  const [opened, setOpened] = useState(false);
  const { data, failureReason } = useQuery({
    queryKey: ["entitlement-changes", elderId],
    queryFn: () =>
      answer(client.GET("/api/v1/elders/{elder_id}/entitlement-changes", { params: { path: { elder_id: elderId } } })),
    enabled: opened,
  });
  return (
    <details onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>{t("entitlements.history")}</summary>
      {failureReason !== null && <p role="alert">{t("due.failed", { why: explain(common, failureReason) })}</p>}
      {data?.changes.length === 0 && <p>{t("entitlements.noHistory")}</p>}
      <ul>
        {data?.changes.map((row) => (
          <li key={`${row.service} ${row.at}`}>
            {dayAndClock(row.at)} · {i18n.language === "zh" ? row.name : row.name_en} ·{" "}
            {services("changes.move", {
              before: services(`standing.${row.before ?? "none"}`), after: services(`standing.${row.after ?? "none"}`),
            })}{" "}
            · {services(`changes.cause.${row.cause}`)}
          </li>
        ))}
      </ul>
    </details>
  );
}
