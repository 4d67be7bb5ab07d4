import "uplot/dist/uPlot.min.css";

import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import UPlot from "uplot";

import { usePreferences } from "../../shared/preferences";
import type { Curve } from "./calls";

const HEIGHT_PX = 150;
const DIGITS = 1;
const COLOURS = {
  light: { text: "#3c4a4a", grid: "#dfe6e4", usual: "rgb(0 115 79 / 14%)", line: "#0072b2" },
  dark: { text: "#b9c7c4", grid: "#2c3b3a", usual: "rgb(47 199 154 / 18%)", line: "#56b4e9" },
} as const;

const shown = (value: number): string => String(Number(value.toFixed(DIGITS)));

/** Ten weeks of one feature; what is usual is shaded, and a day that is not known has no point. */
export default function CurvePlot({ curve, days }: { curve: Curve; days: readonly string[] }): ReactNode {
  const { t, i18n } = useTranslation("discovery");
  const { dark } = usePreferences();
  const box = useRef<HTMLDivElement>(null);
  const english = i18n.language === "en";
  const last = curve.values.at(-1) ?? null;
  const words = {
    name: english ? curve.name_en : curve.name_zh,
    unit: english ? curve.unit_en : curve.unit_zh,
    last: last === null ? t("unknownDay") : shown(last),
  };
  const said =
    curve.usual === null ? t("curveNoUsual", words) : t("curveSays", { ...words, usual: shown(curve.usual) });
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const colours = COLOURS[dark ? "dark" : "light"];
    const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
    const usual = (plot: UPlot) => {
      if (curve.low === null || curve.high === null) return;
      const { ctx, bbox } = plot;
      const top = Math.max(bbox.top, plot.valToPos(curve.high, "y", true));
      const bottom = Math.min(bbox.top + bbox.height, plot.valToPos(curve.low, "y", true));
      ctx.save();
      ctx.fillStyle = colours.usual;
      if (bottom > top) ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
      ctx.restore();
    };
    const known = [...curve.values, curve.low, curve.high].filter((value) => value !== null);
    const range: [number, number] = [Math.min(...known), Math.max(...known)];
    const margin = Math.max(1, (range[1] - range[0]) / 10);
    const options: UPlot.Options = {
      width: Math.max(1, element.clientWidth),
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      // Days, not moments: told by their date wherever the browser is.
      tzDate: (atS) => UPlot.tzDate(new Date(atS * 1000), "Etc/UTC"),
      scales: { x: { time: true }, y: { range: () => [range[0] - margin, range[1] + margin] } },
      axes: [{ ...axis, space: 70, values: "{MM}-{DD}" }, { ...axis, size: 48 }],
      series: [{}, { stroke: colours.line, width: 1.5, spanGaps: false, points: { show: true, size: 4 } }],
      hooks: { drawClear: [usual] },
    };
    const times = days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
    const plot = new UPlot(options, [times, [...curve.values]], element);
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT_PX });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [curve, days, dark]);
  return (
    <figure data-testid="discovery-curve">
      <figcaption>{said}</figcaption>
      <div ref={box} role="img" aria-label={said} style={{ minWidth: 0, overflow: "hidden" }} />
    </figure>
  );
}
