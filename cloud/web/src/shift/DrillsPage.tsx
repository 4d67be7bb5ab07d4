import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import { DataTable } from "../shared/DataTable";
import { type Drill, StartDrill } from "../shared/drill/StartDrill";
import { ElderPicker } from "../shared/ElderPicker";
import { explain } from "../shared/explain";
import { shortTime } from "../shared/time";
import { useMe } from "../shared/useMe";
import { DrillPlan } from "./DrillPlan";

const REFRESH_MS = 5_000;

/** Starting a drill, and the result sheet: how fast whom, in which shift, announced or not. */
export default function DrillsPage(): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const { me } = useMe();
  const found = useQuery({
    queryKey: ["drills"],
    queryFn: () => answer(client.GET("/api/v1/duty/drills")),
    refetchInterval: REFRESH_MS,
  });
  if (found.data === undefined && found.failureReason !== null) return <p role="alert">{t("failed", { why: explain(plain, found.failureReason) })}</p>;
  const drills = found.data?.drills ?? [];
  const never = t("drills.never");
  const time = (value: number | null) => (value === null ? never : String(Math.round(value)));
  return (
    <>
      <DrillPlan drills={drills} />
      {me?.permissions.includes("drills_run") === true && <Start />}
      <DataTable
        title={t("drills.byShift")}
        rows={byShift(drills)}
        rowKey={(row) => row.shift}
        empty={t("drills.none")}
        columns={[
          { title: t("drills.shift"), cell: (row) => row.shift },
          { title: t("drills.count"), cell: (row) => row.count },
          { title: t("drills.answered"), cell: (row) => `${row.answered}/${row.count}` },
          { title: t("drills.acknowledged"), cell: (row) => time(row.acknowledged_s) },
          { title: t("drills.arrived"), cell: (row) => time(row.arrived_s) },
        ]}
      />
      <DataTable
        title={t("drills.title")}
        rows={drills}
        rowKey={(row) => row.id}
        empty={t("drills.none")}
        columns={[
          { title: t("drills.at"), cell: (row) => shortTime(row.started_at) },
          { title: t("drills.shift"), cell: (row) => row.shift },
          { title: t("drills.announced"), cell: (row) => (row.announced ? t("drills.yes") : t("drills.no")) },
          { title: t("drills.shown"), cell: (row) => time(row.shown_s) },
          { title: t("drills.acknowledged"), cell: (row) => time(row.acknowledged_s) },
          { title: t("drills.arrived"), cell: (row) => time(row.arrived_s) },
          { title: t("drills.step"), cell: (row) => row.step },
          { title: t("drills.by"), cell: (row) => row.acknowledged_by ?? never },
          { title: t("drills.startedBy"), cell: (row) => [row.started_by, row.note].filter(Boolean).join("：") },
        ]}
      />
    </>
  );
}

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known.length === 0 ? null : (known[Math.floor((known.length - 1) / 2)] ?? null);
}

type ShiftLine = { shift: string; count: number; answered: number; acknowledged_s: number | null; arrived_s: number | null };

export function byShift(drills: readonly Drill[]): ShiftLine[] {
  return [...new Set(drills.map(({ shift }) => shift))].map((shift) => {
    const own = drills.filter((drill) => drill.shift === shift);
    return {
      shift,
      count: own.length,
      answered: own.filter(({ acknowledged_s }) => acknowledged_s !== null).length,
      acknowledged_s: median(own.map(({ acknowledged_s }) => acknowledged_s)),
      arrived_s: median(own.map(({ arrived_s }) => arrived_s)),
    };
  });
}

/** Who may read records chooses by name; without them nobody can be chosen here. */
function Start(): ReactNode {
  const { t } = useTranslation("shift");
  const { me } = useMe();
  if (me?.permissions.includes("records_read") !== true) return <p>{t("drills.needsRecords")}</p>;
  return (
    <StartDrill
      title={t("drills.start")}
      testId="start-drill"
      picker={(elder, choose) => <ElderPicker label={t("drills.elder")} value={elder} onChange={choose} />}
    />
  );
}
