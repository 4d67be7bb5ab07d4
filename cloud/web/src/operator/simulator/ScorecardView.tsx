import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { figuresOf, type Scorecard } from "./frames";
import { useWords } from "./words";

const seconds = (value: number | null): string => (value === null ? "–" : `${value.toFixed(0)} s`);

/** What happened and was found, what was false, how soon somebody was there. */
export function ScorecardView({ card, targetS }: { card: Scorecard; targetS: number }): ReactNode {
  const { t } = useTranslation("simulator");
  const { code, kind } = useWords();
  const falseRows = Object.entries(card.false_alerts);
  return (
    <div data-testid="sim-scorecard" className="sim-score">
      <DataTable
        title={t("scorecard")}
        rows={figuresOf(card)}
        rowKey={(row) => row.name}
        empty=""
        columns={[
          { title: t("figure"), cell: (row) => t(`figures.${row.name}`, { target: targetS }) },
          { title: t("value"), cell: (row) => row.text },
        ]}
      />
      <DataTable
        title={t("happened")}
        rows={card.rows}
        rowKey={(row) => row.kind}
        empty={t("nothingHappened")}
        columns={[
          { title: t("kind"), cell: (row) => kind(row.kind) },
          { title: t("happened"), cell: (row) => row.happened },
          { title: t("found"), cell: (row) => row.found },
          { title: t("missed"), cell: (row) => row.missed },
          { title: t("p50"), cell: (row) => seconds(row.p50_s) },
          { title: t("p95"), cell: (row) => seconds(row.p95_s) },
        ]}
      />
      {falseRows.length > 0 && (
        <DataTable
          title={t("falseCodes")}
          rows={falseRows}
          rowKey={([name]) => name}
          empty=""
          columns={[
            { title: t("kind"), cell: ([name]) => code(name) },
            { title: t("value"), cell: ([, count]) => count },
          ]}
        />
      )}
    </div>
  );
}
