import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";
import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";

type Service = components["schemas"]["EntitlementOut"];
type Evidence = components["schemas"]["ConditionOut"];

// What may be had first, then what a question would settle.
const ORDER = { met: 0, unknown: 1, not_met: 2 };

function value(found: Evidence["found"] | Evidence["wanted"]): string {
  if (found === null) return "–";
  return Array.isArray(found) ? found.join(" / ") : String(found);
}

function Conditions({ service }: { service: Service }): ReactNode {
  const { t } = useTranslation("care");
  return (
    <details>
      <summary>{t("entitlements.why")}</summary>
      <ul className="conditions">
        {service.evidence.map((row, position) => (
          <li key={`${row.field}-${position}`}>
            {t(`entitlements.standing.${row.standing}`)} · {row.field} {row.op} {value(row.wanted)} ·{" "}
            {t("entitlements.found", { found: value(row.found), source: row.source || "–", as_of: row.as_of ?? "–" })}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What an elder may be entitled to, in three values, with the reason for each. */
export function Entitlements({ elderId }: { elderId: string }): ReactNode {
  const { t, i18n } = useTranslation("care");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: ["entitlements", elderId],
    queryFn: () =>
      answer(client.GET("/api/v1/elders/{elder_id}/entitlements", { params: { path: { elder_id: elderId } } })),
  });
  if (data === undefined) {
    return failureReason === null ? null : (
      <p role="alert">{t("due.failed", { why: explain(common, failureReason) })}</p>
    );
  }
  const rows = [...data.services].sort((a, b) => ORDER[a.standing] - ORDER[b.standing]);
  return (
    <>
      <DataTable
        title={t("entitlements.title")}
        rows={rows}
        rowKey={({ key }) => key}
        empty={t("entitlements.empty")}
        columns={[
          {
            title: t("entitlements.service"),
            cell: (row) => (i18n.language === "zh" ? row.name : row.name_en),
          },
          {
            title: t("entitlements.state"),
            cell: (row) => (
              <strong className="standing" data-standing={row.standing}>
                {t(`entitlements.standing.${row.standing}`)}
              </strong>
            ),
          },
          { title: t("entitlements.missing"), cell: (row) => row.missing.join("、") || "–" },
          { title: t("entitlements.evidence"), cell: (row) => <Conditions service={row} /> },
        ]}
      />
      <p>{t("entitlements.hint", { version: data.rule_version })}</p>
    </>
  );
}
