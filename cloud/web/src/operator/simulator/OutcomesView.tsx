import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import type { Estimate, Outcome, Outcomes } from "./frames";

const ROW = 64;
const LEFT = 90;
const WIDTH = 720;
const TICKS = 6;

/** Bars: how often how long; square and whiskers: the 95th percentile with its interval. */
function Plot({ found }: { found: Outcomes }): ReactNode {
  const { t } = useTranslation("simulator");
  const { outcomes, bin_s: binS, target_s: targetS } = found;
  const bins = outcomes[0]?.times.length ?? 1;
  const mostS = bins * binS;
  const x = (s: number): number => LEFT + (Math.min(s, mostS) / mostS) * (WIDTH - LEFT - 20);
  const height = outcomes.length * ROW + 40;
  const most = Math.max(1, ...outcomes.flatMap(({ times }) => times));
  return (
    <svg className="sim-plot" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={t("plot")} data-testid="sim-plot">
      {Array.from({ length: TICKS + 1 }, (_, k) => (k * mostS) / TICKS).map((s) => (
        <g key={s}>
          <line x1={x(s)} x2={x(s)} y1={0} y2={height - 28} className="sim-grid" />
          <text x={x(s)} y={height - 10} textAnchor="middle">{`${s.toFixed(0)} s`}</text>
        </g>
      ))}
      <line x1={x(targetS)} x2={x(targetS)} y1={0} y2={height - 28} className="sim-target" />
      {outcomes.map(({ carers, times, p95_s: p95 }, row) => {
        const base = (row + 1) * ROW - 8;
        return (
          <g key={carers}>
            <text x={4} y={base - 8}>
              {t("carer", { number: `× ${carers}` })}
            </text>
            {times.map((count, bin) => (
              <rect
                key={bin}
                className="sim-bar"
                x={x(bin * binS) + 0.5}
                width={x(binS) - x(0) - 1}
                y={base - (count / most) * (ROW - 18)}
                height={(count / most) * (ROW - 18)}
              />
            ))}
            {p95.value !== null && (
              <>
                <line
                  className="sim-whisker"
                  x1={x(p95.low ?? p95.value)}
                  x2={x(p95.high ?? p95.value)}
                  y1={base - 12}
                  y2={base - 12}
                />
                <rect className="sim-p95" x={x(p95.value) - 5} y={base - 17} width={10} height={10} />
              </>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** So many carers, so many minutes: a table, and the picture of it. */
export function OutcomesView({ found }: { found: Outcomes }): ReactNode {
  const { t } = useTranslation("simulator");
  const told = (one: Estimate, times: number, unit: string): string =>
    one.value === null
      ? t("nobody")
      : t("interval", {
          value: `${(one.value * times).toFixed(0)}${unit}`,
          low: ((one.low ?? one.value) * times).toFixed(0),
          high: ((one.high ?? one.value) * times).toFixed(0),
        });
  return (
    <div data-testid="sim-outcomes" className="sim-score">
      <p>{t("outcomesText", { nights: found.seeds, target: found.target_s })}</p>
      <DataTable<Outcome>
        title={t("outcomes")}
        rows={found.outcomes}
        rowKey={(row) => String(row.carers)}
        empty=""
        columns={[
          { title: t("staff"), cell: (row) => row.carers },
          { title: t("calls"), cell: (row) => row.calls },
          { title: t("median"), cell: (row) => told(row.median_s, 1, " s") },
          { title: t("p95"), cell: (row) => told(row.p95_s, 1, " s") },
          { title: t("over"), cell: (row) => told(row.missed_target, 100, " %") },
          { title: t("busy"), cell: (row) => told(row.busy, 100, " %") },
          { title: t("late"), cell: (row) => told(row.rounds_late, 100, " %") },
        ]}
      />
      <Plot found={found} />
    </div>
  );
}
