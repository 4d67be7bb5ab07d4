import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "../../api/client";
import { KEYS } from "../../api/queries";
import { DataTable } from "../../shared/DataTable";
import { type Drill, StartDrill } from "../../shared/drill/StartDrill";
import { SelectField } from "../../shared/forms";
import { shortTime } from "../../shared/time";

const SHOWN = 5;

/** A drill from the simulator's page, unmistakably not of the simulator. */
export function DrillForm(): ReactNode {
  const { t } = useTranslation("simulator");
  const { t: common } = useTranslation();
  const [begun, setBegun] = useState<readonly Drill[]>([]);
  // An operator reads no records: who lives where is known from coverage.
  const { data } = useQuery({ queryKey: KEYS.coverage, queryFn: api.coverage });
  return (
    <details className="sim-drill" data-testid="sim-drill">
      <summary data-testid="sim-drill-open">{t("drill.title")}</summary>
      <p className="sim-drill-mark" role="note">
        <strong>{t("drill.mark")}</strong> {t("drill.markText")}
      </p>
      <StartDrill
        title={t("drill.title")}
        testId="sim-start-drill"
        done={t("begun")}
        onStarted={(drills) => setBegun(drills.slice(0, SHOWN))}
        picker={(elder, choose) => (
          <SelectField
            label={t("drill.elder")}
            value={elder}
            onChange={choose}
            required
            testId="sim-drill-elder"
            options={[
              { value: "", label: common("form.choose") },
              ...(data?.elders ?? []).map((one) => ({
                value: one.elder_id,
                label: [one.place, one.elder_name].filter(Boolean).join(" · "),
              })),
            ]}
          />
        )}
      />
      {begun.length > 0 && (
        <DataTable
          title={t("drill.begun")}
          rows={begun}
          rowKey={({ id }) => id}
          empty=""
          columns={[
            { title: t("when"), cell: (row) => shortTime(row.started_at) },
            { title: t("drill.shift"), cell: (row) => row.shift },
            { title: t("drill.note"), cell: (row) => row.note },
            {
              title: t("drill.answered"),
              cell: (row) => (row.acknowledged_s === null ? t("drill.notYet") : t("seconds", { s: row.acknowledged_s.toFixed(0) })),
            },
          ]}
        />
      )}
    </details>
  );
}
