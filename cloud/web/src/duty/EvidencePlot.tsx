import "uplot/dist/uPlot.min.css";

import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import UPlot from "uplot";

import type { Evidence } from "../api/types";
import { usePreferences } from "../shared/preferences";
import { aroundImpact, peakG, traces, type Traces } from "./evidence";

const HEIGHT_REM = 10.5;
type Palette = { text: string; grid: string; impact: string; lines: readonly string[] };
// Okabe-Ito colours, which colour-blind eyes tell apart; the dashes say it again.
const PALETTES: Record<"light" | "dark", Palette> = {
  light: {
    text: "#3c4a4a", grid: "#dfe6e4", impact: "#c8102e",
    lines: ["#111d1c", "#0072b2", "#b35900", "#00734f"],
  },
  dark: {
    text: "#b9c7c4", grid: "#2c3b3a", impact: "#ff6b6b",
    lines: ["#ffffff", "#56b4e9", "#e69f00", "#2fc79a"],
  },
}; // prettier-ignore
const DASHES: readonly number[][] = [[], [], [6, 3], [2, 3]];
const AXES = ["x", "y", "z"];

type Labels = { magnitude: string; seconds: string; impact: string };

function impactLine(colour: string, label: string): (plot: UPlot) => void {
  return (plot) => {
    const x = Math.round(plot.valToPos(0, "x", true));
    const { left, top, width, height } = plot.bbox;
    if (x < left || x > left + width) return;
    const { ctx } = plot;
    const px = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = colour;
    ctx.fillStyle = colour;
    ctx.lineWidth = 2 * px;
    ctx.setLineDash([5 * px, 4 * px]);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    ctx.font = `600 ${13 * px}px sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.fillText(label, x + 6 * px, top + 3 * px);
    ctx.restore();
  };
}

function options(
  width: number, height: number, palette: Palette, labels: Labels, range: [number, number], channels: number,
): UPlot.Options { // prettier-ignore
  const font = `${Math.round(height / 15)}px sans-serif`;
  const axis = { stroke: palette.text, font, grid: { stroke: palette.grid, width: 1 }, ticks: { show: false } };
  const line = (index: number, label: string, widthPx: number): UPlot.Series => ({
    label,
    stroke: palette.lines[index] ?? palette.text,
    width: widthPx,
    dash: DASHES[index] ?? [],
    points: { show: false },
  });
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 18, 0, 0],
    scales: { x: { time: false, range: () => range } },
    axes: [
      { ...axis, size: 30, gap: 8, values: (_plot, values) => values.map((each) => `${each} ${labels.seconds}`) },
      { ...axis, size: 40, values: (_plot, values) => values.map((each) => `${each} g`) },
    ],
    series: [
      {},
      line(0, labels.magnitude, 2.5),
      ...AXES.slice(0, channels).map((name, index) => line(index + 1, name, 1.25)),
    ],
    hooks: { draw: [impactLine(palette.impact, labels.impact)] },
  };
}

function Legend({ palette, channels }: { palette: Palette; channels: number }): ReactNode {
  const { t } = useTranslation();
  return (
    <ul className="plot-legend" aria-hidden="true">
      {[t("evidence.magnitude"), ...AXES.slice(0, channels)].map((name, index) => (
        <li key={name}>
          <svg viewBox="0 0 24 8" width="24" height="8">
            <line
              x1="0" x2="24" y1="4" y2="4"
              stroke={palette.lines[index]}
              strokeWidth={index === 0 ? 3 : 2}
              strokeDasharray={(DASHES[index] ?? []).join(" ")}
            />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  ); // prettier-ignore
}

/** Redraws on a new width, brightness, language or window; uPlot itself keeps no React state. */
function usePlot(
  box: React.RefObject<HTMLDivElement | null>,
  data: Traces,
  make: (width: number, height: number) => UPlot.Options,
): boolean {
  const [drawn, setDrawn] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const rootPx = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    const height = Math.round(HEIGHT_REM * rootPx);
    const plot = new UPlot(
      make(Math.max(1, element.clientWidth), height),
      [data.timeS, data.magnitude, ...data.channels],
      element,
    );
    const frame = requestAnimationFrame(() => setDrawn(true));
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      plot.destroy();
    };
  }, [box, data, make]);
  return drawn;
}

/** The acceleration around the impact, with the same said in words for those who cannot see it. */
export default function EvidencePlot({ evidence }: { evidence: Evidence }): ReactNode {
  const { t, i18n } = useTranslation();
  const { dark, largeType } = usePreferences();
  const [whole, setWhole] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const data = useMemo(() => traces(evidence), [evidence]);
  const palette = PALETTES[dark ? "dark" : "light"];
  const channels = data.channels.length;

  const full: [number, number] = useMemo(
    () => [data.timeS[0] ?? 0, data.timeS.at(-1) ?? 1],
    [data],
  );
  const around = useMemo(() => aroundImpact(data), [data]);
  const canWiden = full[0] < around[0] || full[1] > around[1];
  const make = useMemo(() => {
    const labels = {
      magnitude: t("evidence.magnitude"),
      seconds: t("evidence.axisTimeShort"),
      impact: t("evidence.impact"),
    };
    return (width: number, height: number) =>
      options(width, height, palette, labels, whole ? full : around, channels);
    // The language and the type size change what is drawn, not only `t`.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [t, i18n.language, largeType, palette, whole, full, around, channels]);
  const drawn = usePlot(box, data, make);

  const summary = t("evidence.summary", {
    peak: peakG(data).toFixed(1),
    seconds: (data.timeS.length / evidence.rate_hz).toFixed(0),
    rate: evidence.rate_hz.toFixed(0),
  });
  return (
    <figure className="plot">
      <figcaption>
        <span className="plot-title">{t("evidence.title")}</span>
        <Legend palette={palette} channels={channels} />
      </figcaption>
      <div
        ref={box}
        className="plot-box"
        role="img"
        aria-label={`${t("evidence.title")}：${summary}`}
        {...(drawn ? { "data-testid": "alert-plot" } : {})}
      />
      <p className="plot-summary">
        {summary}
        {canWiden && (
          <button type="button" className="link" onClick={() => setWhole(!whole)}>
            {whole ? t("evidence.around") : t("evidence.whole")}
          </button>
        )}
      </p>
    </figure>
  );
}
