import "uplot/dist/uPlot.min.css";

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import UPlot from "uplot";

import { explain } from "../../shared/explain";
import { SelectField } from "../../shared/forms";
import { usePreferences } from "../../shared/preferences";
import { clockOf, dateOf } from "../../shared/dayAndClock";
import { shortTime, TIME_ZONE } from "../../shared/time";
import { Waiting } from "../../shared/Waiting";
import { ELDER_KEYS, type ElderPage, elders, type Series } from "./calls";
import { extremes, traces } from "./traces";

const HOUR_MS = 3_600_000;
const SPANS = { day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS, month: 30 * 24 * HOUR_MS } as const;
type Span = keyof typeof SPANS;
const HEIGHT_PX = 240;
const REFRESH_MS = 60_000;
const GAPS_SHOWN = 12;
// Okabe-Ito colours, which colour-blind eyes tell apart; the dashes say it again.
const COLOURS = {
  light: { text: "#3c4a4a", grid: "#dfe6e4", gap: "rgb(180 83 9 / 14%)", lines: ["#0072b2", "#b35900", "#00734f"] },
  dark: { text: "#b9c7c4", grid: "#2c3b3a", gap: "rgb(230 159 0 / 18%)", lines: ["#56b4e9", "#e69f00", "#2fc79a"] },
} as const;
const DASHES: readonly number[][] = [[], [6, 3], [2, 3]];

/** What was measured, over a day to a month. Where nothing is known there is no line. */
export function Chart({ id, latest }: { id: string; latest: ElderPage["latest"] }): ReactNode {
  const { t, i18n } = useTranslation("elders");
  const { t: common } = useTranslation();
  const quantities = [...new Map(latest.map((row) => [row.quantity, row])).values()];
  const [quantity, setQuantity] = useState(
    quantities.find((row) => row.quantity === "heart_rate")?.quantity ?? quantities[0]?.quantity ?? "",
  );
  const [span, setSpan] = useState<Span>("day");
  const { data, failureReason } = useQuery({
    queryKey: ELDER_KEYS.part(id, `series ${quantity} ${span}`),
    queryFn: () => {
      const now = Date.now();
      return elders.series(id, quantity, new Date(now - SPANS[span]).toISOString(), new Date(now).toISOString());
    },
    refetchInterval: REFRESH_MS,
  });
  const name = (row: ElderPage["latest"][number]) => (i18n.language === "en" ? row.quantity : row.label_zh);
  const chosen = quantities.find((row) => row.quantity === quantity);
  return (
    <section aria-labelledby="elder-chart" data-testid="elder-chart">
      <h2 id="elder-chart">{t("chart")}</h2>
      <div className="tools">
        <SelectField
          label={t("quantity")}
          value={quantity}
          onChange={setQuantity}
          testId="chart-quantity"
          options={quantities.map((row) => ({ value: row.quantity, label: name(row) }))}
        />
        <SelectField
          label={t("span")}
          value={span}
          onChange={(value) => setSpan(value as Span)}
          testId="chart-span"
          options={Object.keys(SPANS).map((value) => ({ value, label: t(`spans.${value as Span}`) }))}
        />
      </div>
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && chosen !== undefined && <Plot series={data} name={name(chosen)} />}
    </section>
  );
}

function Plot({ series, name }: { series: Series; name: string }): ReactNode {
  const { t } = useTranslation("elders");
  const { dark } = usePreferences();
  const box = useRef<HTMLDivElement>(null);
  const { timeS, values } = useMemo(() => traces(series.lines, series.gaps), [series]);
  const found = extremes(series.lines);
  const colours = COLOURS[dark ? "dark" : "light"];
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
    const range: [number, number] = [Date.parse(series.from_at) / 1000, Date.parse(series.until_at) / 1000];
    const options: UPlot.Options = {
      width: Math.max(1, element.clientWidth),
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: true, range: () => range } },
      // The house's clock, whatever the browser's; a midnight says its day.
      tzDate: (atS) => UPlot.tzDate(new Date(atS * 1000), TIME_ZONE),
      axes: [
        { ...axis, space: 64, values: (_plot, splits) => splits.map((at) => tick(at * 1000)) },
        { ...axis, size: 48 },
      ],
      series: [
        {},
        ...series.lines.map((line, index) => ({
          label: line.device_id,
          stroke: colours.lines[index % colours.lines.length] ?? colours.text,
          dash: DASHES[index % DASHES.length] ?? [],
          width: 1.5,
          spanGaps: false,
        })),
      ],
      hooks: { drawClear: [(plot) => shade(plot, series.gaps, colours.gap)] },
    };
    const plot = new UPlot(options, [timeS, ...values] as UPlot.AlignedData, element);
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT_PX });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [series, timeS, values, colours]);
  const said = found === null ? t("noChart") : t("chartSays", { name, ...found, unit: series.unit === "1" ? "" : series.unit });
  return (
    <>
      <p>{said}</p>
      <div ref={box} role="img" aria-label={said} style={{ minWidth: 0, overflow: "hidden" }} />
      <Gaps gaps={series.gaps} />
    </>
  );
}

/** The same gaps in words, the newest first: who cannot see the shading reads them. */
function Gaps({ gaps }: { gaps: Series["gaps"] }): ReactNode {
  const { t } = useTranslation("elders");
  if (gaps.length === 0) return <p data-testid="chart-gaps">{t("noGaps")}</p>;
  return (
    <div data-testid="chart-gaps">
      <h3>{t("gaps")}</h3>
      <ul>
        {gaps.toReversed().slice(0, GAPS_SHOWN).map((gap) => (
          <li key={`${gap.from_at} ${gap.reason}`}>
            {shortTime(gap.from_at)} – {shortTime(gap.until_at)} {t(`gapReason.${gap.reason}`)}
          </li>
        ))}
      </ul>
      {gaps.length > GAPS_SHOWN && <p>{t("moreGaps", { count: gaps.length - GAPS_SHOWN })}</p>}
    </div>
  );
}

/** `21:00`, and at midnight `11/28`. */
function tick(atMs: number): string {
  const clock = clockOf(new Date(atMs).toISOString());
  return clock === "00:00" ? dateOf(atMs).slice(5).replace("-", "/") : clock;
}

function shade(plot: UPlot, gaps: Series["gaps"], colour: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour;
  for (const { from_at, until_at } of gaps) {
    const left = Math.max(bbox.left, plot.valToPos(Date.parse(from_at) / 1000, "x", true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(Date.parse(until_at) / 1000, "x", true));
    if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}
