import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../shared/DataTable";
import type { Figure, Indicator, Trend } from "./api";
import { FigureBehind, FigureValue } from "./words";

type Point = Trend["points"][number];
const [WIDTH, HEIGHT, GAP] = [360, 90, 6];

/** What a bar stands for; null: masked or unknown, drawn as a gap and never as a zero. */
function heightOf(figure: Figure | undefined, indicator: Indicator): number | null {
  if (figure === undefined || figure.masked || !figure.known) return null;
  if (indicator.shape === "times") return figure.p95_s;
  if (indicator.shape === "count") return figure.per_1000 ?? figure.part;
  return figure.percent;
}

const firstOf = (point: Point, indicator: Indicator): Figure | undefined =>
  point.figures.find(({ kind }) => kind === (indicator.kinds[0] ?? "")) ?? point.figures[0];

type Props = { points: readonly Point[]; indicator: Indicator; below: number };

/** Twelve months as bars, and as a table that says the same. */
export function TrendBars({ points, indicator, below }: Props): ReactNode {
  const { t } = useTranslation("bureau");
  const values = points.map((point) => heightOf(firstOf(point, indicator), indicator));
  const percent = ["share", "stock", "hours"].includes(indicator.shape);
  const top = percent ? 100 : Math.max(1, ...values.map((value) => value ?? 0));
  const step = WIDTH / Math.max(1, points.length);
  const rows = points.filter(({ days }) => days > 0);
  return (
    <>
      {indicator.code !== "alerts" && (
        <svg className="bureau-trend" viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT + 14)}`} aria-hidden="true">
          {points.map((point, index) => {
            const value = values[index] ?? null;
            const height = value === null ? HEIGHT : (value / top) * HEIGHT;
            return (
              <g key={point.month}>
                <rect
                  className={value === null ? "trend-gap" : "trend-bar"}
                  x={index * step + GAP / 2}
                  y={HEIGHT - height}
                  width={step - GAP}
                  height={height}
                />
                <text x={index * step + step / 2} y={HEIGHT + 11}>
                  {point.month.slice(5)}
                </text>
              </g>
            );
          })}
        </svg>
      )}
      <DataTable
        title={t("trend")}
        rows={[...rows].reverse()}
        rowKey={({ month }) => month}
        empty={t("nothing")}
        columns={[
          { title: t("month"), cell: ({ month }) => month },
          { title: t("days"), cell: ({ days, of_days }) => `${String(days)}/${String(of_days)}` },
          {
            title: t("value"),
            cell: (point) => {
              const figure = firstOf(point, indicator);
              return indicator.code === "alerts" ? (
                <AllKinds figures={point.figures} indicator={indicator} below={below} />
              ) : (
                figure && <FigureValue figure={figure} indicator={indicator} below={below} />
              );
            },
          },
          {
            title: t("behind"),
            cell: (point) => {
              const figure = firstOf(point, indicator);
              return indicator.code !== "alerts" && figure && <FigureBehind figure={figure} indicator={indicator} />;
            },
          },
        ]}
      />
    </>
  );
}

function AllKinds({ figures, indicator, below }: { figures: Figure[]; indicator: Indicator; below: number }): ReactNode {
  const { t: common } = useTranslation();
  return figures.map((figure) => (
    <span key={figure.kind} className="trend-kind">
      {common(`code.${figure.kind}` as "code.sos", { defaultValue: figure.kind })}{" "}
      <FigureValue figure={figure} indicator={indicator} below={below} />
    </span>
  ));
}
