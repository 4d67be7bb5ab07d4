/** The picture of a day: lanes above, lines below, on one time axis of uPlot. */
import type UPlot from "uplot";

import { clockOf } from "../../shared/dayAndClock";
import { type BedState, type Day, type Lines, ms } from "./dayLine";

export const LANE_PX = 22;
const LINES_PX = 170;
const GAP_PX = 8;
const LABEL_PX = 64;

// Okabe-Ito colours, which colour-blind eyes tell apart; shape and words say it again.
export const PALETTES = {
  light: {
    text: "#26403d", grid: "#dfe6e4", bed: "#0072b2", up: "#e2ecf1", out: "#f3e3c2", room: "#00734f", unseen: "#8a3a00",
    alert: "#c8102e", device: "#6a2c91", lines: ["#0072b2", "#b35900"], cursor: "#14201f", laneText: "#14201f", onBed: "#ffffff",
  },
  dark: {
    text: "#b9c7c4", grid: "#2c3b3a", bed: "#56b4e9", up: "#22363f", out: "#4a3a17", room: "#2fc79a", unseen: "#f0a54a",
    alert: "#ff6b81", device: "#c59be0", lines: ["#56b4e9", "#e69f00"], cursor: "#e8f0ee", laneText: "#e8f0ee", onBed: "#06121f",
  },
} as const; // prettier-ignore
export type Palette = (typeof PALETTES)[keyof typeof PALETTES];
export const DASHES: readonly number[][] = [[], [6, 3]];

export type Labels = { alerts: string; bed: string; devices: string; unseen: string; states: Record<BedState, string> };

/** Room for each lane; the lines get theirs where there are any. */
export function heightOf(day: Day, lines: Lines): number {
  return laneCount(day) * LANE_PX + (lines.names.length > 0 ? LINES_PX : 0) + GAP_PX + 34;
}

const laneCount = (day: Day): number => 3 + day.rooms.length;

/** Data and options; `range` is asked at every drawing. */
export function optionsOf(
  day: Day, lines: Lines, palette: Palette, labels: Labels, width: number, range: () => [number, number],
  onZoom: (range: [number, number]) => void, onCursor: (at: number | null) => void,
): UPlot.Options {
  const height = heightOf(day, lines);
  const lanesPx = laneCount(day) * LANE_PX + GAP_PX;
  const axis = { stroke: palette.text, grid: { stroke: palette.grid, width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    legend: { show: false },
    padding: [4, 8, 0, 0],
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
    scales: {
      x: { time: true, range: () => range().map((at) => at / 1000) as [number, number] },
      y: { range: (plot, low, high) => upperRoom(plot, low, high, lanesPx) },
    },
    axes: [
      { ...axis, space: 44, values: (_plot, splits) => splits.map((at) => clockOf(new Date(at * 1000).toISOString())) },
      {
        ...axis, size: LABEL_PX, grid: { show: false },
        splits: (_plot, _index, low, high) => yTicks(lines, low, high),
      },
    ],
    series: [
      {},
      ...lines.names.map((name, index) => ({
        label: name, stroke: palette.lines[index] ?? palette.text, dash: DASHES[index] ?? [], width: 1.5, spanGaps: false,
        points: { show: false },
      })),
    ],
    hooks: {
      drawClear: [(plot) => hatchBlind(plot, day, palette)],
      draw: [(plot) => drawLanes(plot, day, palette, labels)],
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide < 6) return;
          onZoom([plot.posToVal(left, "x") * 1000, plot.posToVal(left + wide, "x") * 1000]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [(plot) => onCursor(plot.cursor.left === undefined || plot.cursor.left < 0 ? null : plot.posToVal(plot.cursor.left, "x") * 1000)],
    },
  };
} // prettier-ignore

/** The lines keep to the lower part: above them are the lanes. */
function upperRoom(plot: UPlot, low: number | null, high: number | null, lanesPx: number): [number, number] {
  if (low === null || high === null) return [0, 1];
  const bottom = Math.floor(low / 10) * 10;
  const top = Math.max(bottom + 10, Math.ceil(high / 10) * 10);
  const heightPx = plot.bbox.height / devicePixelRatio || 300;
  const share = Math.max(0.1, 1 - lanesPx / heightPx);
  return [bottom, bottom + (top - bottom) / share];
}

function yTicks(lines: Lines, low: number, high: number): number[] {
  const known = lines.values.flatMap((values) => values.filter((value): value is number => typeof value === "number"));
  if (known.length === 0) return [];
  const top = Math.min(high, Math.ceil(Math.max(...known) / 10) * 10);
  const step = Math.max(10, Math.ceil((top - low) / 4 / 10) * 10);
  return Array.from({ length: Math.floor((top - low) / step) + 1 }, (_, index) => low + index * step);
}

type Box = { left: number; top: number; width: number; height: number };

/** What nobody could see is hatched through all lanes: an empty place could be taken for calm. */
function hatchBlind(plot: UPlot, day: Day, palette: Palette): void {
  const { ctx, bbox } = plot;
  for (const span of day.blind) {
    const box = boxOf(plot, ms(span.from_at), ms(span.until_at), bbox.top, bbox.height);
    if (box !== null) hatch(ctx, box, palette.unseen, 0.16);
  }
}

function drawLanes(plot: UPlot, day: Day, palette: Palette, labels: Labels): void {
  const { ctx, bbox } = plot;
  const px = devicePixelRatio;
  const lane = (number: number): number => bbox.top + number * LANE_PX * px;
  const inner = (LANE_PX - 5) * px;
  ctx.save();
  ctx.font = `${11.5 * px}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  const name = (text: string, number: number): void => {
    ctx.fillStyle = palette.text;
    ctx.textAlign = "right";
    ctx.fillText(shortened(ctx, text, (LABEL_PX - 8) * px), bbox.left - 6 * px, lane(number) + inner / 2);
  };
  name(labels.alerts, 0);
  for (const alert of day.alerts ?? []) mark(plot, ms(alert.happened_at), lane(0), inner, palette.alert, "▼");
  name(labels.bed, 1);
  for (const stretch of day.bed ?? []) {
    const box = boxOf(plot, ms(stretch.from_at), ms(stretch.until_at), lane(1), inner);
    if (box === null) continue;
    if (stretch.state === "unseen") hatch(ctx, box, palette.unseen, 0.5);
    else {
      ctx.fillStyle = { in_bed: palette.bed, up: palette.up, out: palette.out }[stretch.state];
      ctx.fillRect(box.left, box.top, box.width, box.height);
    }
    inside(ctx, labels.states[stretch.state], box, stretch.state === "in_bed" ? palette.onBed : palette.laneText, px);
  }
  day.rooms.forEach((room, index) => {
    name(room.room, 2 + index);
    ctx.fillStyle = palette.room;
    for (const span of room.active) {
      const box = boxOf(plot, ms(span.from_at), ms(span.until_at), lane(2 + index), inner);
      if (box !== null) ctx.fillRect(box.left, box.top, Math.max(2 * px, box.width), box.height);
    }
    for (const span of room.unseen) {
      const box = boxOf(plot, ms(span.from_at), ms(span.until_at), lane(2 + index), inner);
      if (box === null) continue;
      hatch(ctx, box, palette.unseen, 0.4);
      inside(ctx, labels.unseen, box, palette.laneText, px);
    }
  });
  const last = 2 + day.rooms.length;
  name(labels.devices, last);
  for (const change of day.changes) mark(plot, ms(change.at), lane(last), inner, palette.device, "◆");
  ctx.restore();
}

function boxOf(plot: UPlot, from: number, until: number, top: number, height: number): Box | null {
  const { bbox } = plot;
  const left = Math.max(bbox.left, plot.valToPos(from / 1000, "x", true));
  const right = Math.min(bbox.left + bbox.width, plot.valToPos(until / 1000, "x", true));
  return right > left ? { left, top, width: right - left, height } : null;
}

function hatch(ctx: CanvasRenderingContext2D, box: Box, colour: string, alpha: number): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.width, box.height);
  ctx.clip();
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  const step = 7 * devicePixelRatio;
  ctx.beginPath();
  for (let x = box.left - box.height; x < box.left + box.width; x += step) {
    ctx.moveTo(x, box.top + box.height);
    ctx.lineTo(x + box.height, box.top);
  }
  ctx.stroke();
  ctx.restore();
}

function inside(ctx: CanvasRenderingContext2D, text: string, box: Box, colour: string, px: number): void {
  if (ctx.measureText(text).width + 8 * px > box.width) return;
  ctx.fillStyle = colour;
  ctx.textAlign = "center";
  ctx.fillText(text, box.left + box.width / 2, box.top + box.height / 2);
}

function mark(plot: UPlot, at: number, top: number, height: number, colour: string, shape: string): void {
  const { ctx, bbox } = plot;
  const x = Math.max(bbox.left, plot.valToPos(at / 1000, "x", true));
  if (x > bbox.left + bbox.width) return;
  ctx.fillStyle = colour;
  ctx.textAlign = "center";
  ctx.fillText(shape, x, top + height / 2);
}

function shortened(ctx: CanvasRenderingContext2D, text: string, widthPx: number): string {
  if (ctx.measureText(text).width <= widthPx) return text;
  let shown = text;
  while (shown.length > 1 && ctx.measureText(`${shown}…`).width > widthPx) shown = shown.slice(0, -1);
  return `${shown}…`;
}
