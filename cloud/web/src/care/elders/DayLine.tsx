import "uplot/dist/uPlot.min.css";
import "./dayLine.css";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import UPlot from "uplot";

import { clockOf, dateOf, dayAndClock } from "../../shared/dayAndClock";
import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { TextField } from "../../shared/forms";
import { usePreferences } from "../../shared/preferences";
import { serverClock } from "../../shared/time";
import { Waiting } from "../../shared/Waiting";
import { ELDER_KEYS, elders } from "./calls";
import { type Day, type Entry, entriesOf, linesOf, momentOf, ms, shifted, zoomed } from "./dayLine";
import { type Labels, optionsOf, PALETTES } from "./dayPlot";
import type { zh as Texts } from "./dayTexts";

const DAY_MS = 86_400_000;
const REFRESH_MS = 60_000;
const STEPS = 48;

/** A day of an elder on one time axis, that can be zoomed, walked by keys, heard and read. */
export function DayLine({ id }: { id: string }): ReactNode {
  const { t } = useTranslation("day");
  const { t: common } = useTranslation();
  const today = dateOf(serverClock.nowMs());
  const [chosen, setChosen] = useState<string | null>(null);
  const day = chosen ?? today;
  const { data, failureReason } = useQuery({
    queryKey: ELDER_KEYS.part(id, `day ${day}`),
    queryFn: () => elders.day(id, day),
    refetchInterval: day === today ? REFRESH_MS : false,
    placeholderData: keepPreviousData,
  });
  const move = (days: number) => setChosen(dateOf(Date.parse(`${day}T12:00:00+08:00`) + days * DAY_MS));
  return (
    <section aria-labelledby="elder-day" data-testid="elder-day">
      <h2 id="elder-day">{t("title")}</h2>
      <div className="tools day-tools">
        <Button onClick={() => move(-1)} data-testid="day-before">
          {t("before")}
        </Button>
        <TextField label={t("day")} type="date" value={day} onChange={(value) => value && value <= today && setChosen(value)} testId="day-date" />
        <Button onClick={() => move(1)} disabled={day >= today}>
          {t("after")}
        </Button>
        {day !== today && <Button onClick={() => setChosen(null)}>{t("today")}</Button>}
      </div>
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && <Shown key={data.day} day={data} />}
    </section>
  );
}

function Shown({ day }: { day: Day }): ReactNode {
  const { t } = useTranslation("day");
  const length = useLength();
  const empty = day.bed === null && day.rooms.length === 0 && day.vitals.length === 0;
  return (
    <>
      {day.simulated && <p className="day-simulated">{t("simulated")}</p>}
      {day.slot_s > 0 && <p className="warn">{t("summaries", { minutes: day.slot_s / 60 })}</p>}
      <p data-testid="day-totals">
        {day.totals === null
          ? t("noBed")
          : [
              t("totals", { inBed: length(day.totals.in_bed_min), times: day.totals.up_times }),
              day.totals.out_min > 0 && t("outTotal", { out: length(day.totals.out_min) }),
              day.totals.unseen_min > 0 && t("unseenTotal", { unseen: length(day.totals.unseen_min) }),
            ]
              .filter(Boolean)
              .join(" · ")}
      </p>
      {empty && <p className="warn">{t("empty")}</p>}
      <Picture day={day} />
      <List day={day} />
    </>
  );
}

function useLength(): (minutes: number) => string {
  const { t } = useTranslation("day");
  return (minutes) =>
    minutes < 60 ? t("minutes", { m: minutes }) : t("hours", { h: Math.floor(minutes / 60), m: minutes % 60 });
}

/** The drawing, its zoom, and what holds at the cursor in words. */
function Picture({ day }: { day: Day }): ReactNode {
  const { t, i18n } = useTranslation("day");
  const { dark, largeType } = usePreferences();
  const whole = useMemo<[number, number]>(() => [ms(day.from_at), ms(day.until_at)], [day.from_at, day.until_at]);
  const [range, setRange] = useState(whole);
  const [at, setAt] = useState<number | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const plotted = useRef<UPlot | null>(null);
  const shown = useRef(range);
  const lines = useMemo(() => linesOf(day), [day]);
  const words = useMoment(day);
  useEffect(() => {
    shown.current = range;
    plotted.current?.setScale("x", { min: range[0] / 1000, max: range[1] / 1000 });
  }, [range]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const labels: Labels = {
      alerts: t("lane.alerts"), bed: t("lane.bed"), devices: t("lane.devices"), unseen: t("blindShort"),
      states: { in_bed: t("bed.in_bed"), up: t("bed.up"), out: t("bed.out"), unseen: t("bed.unseen") },
    };
    const plot = new UPlot(
      optionsOf(
        day, lines, PALETTES[dark ? "dark" : "light"], labels, Math.max(1, element.clientWidth),
        () => shown.current, setRange, (time) => time !== null && setAt(time),
      ),
      [lines.timeS, ...lines.values] as UPlot.AlignedData,
      element,
    ); // prettier-ignore
    plotted.current = plot;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: plot.height });
    });
    observer.observe(element);
    return () => {
      plotted.current = null;
      observer.disconnect();
      plot.destroy();
    };
    // The language and the type size change what is drawn.
  }, [day, lines, dark, largeType, t, i18n.language]);

  const now = Math.min(ms(day.server_time), whole[1] - 1);
  const cursor = at ?? Math.max(whole[0], now);
  const step = (range[1] - range[0]) / STEPS;
  const zoom = (factor: number) => setRange((held) => zoomed(held, whole, Math.min(Math.max(cursor, held[0]), held[1]), factor));
  const walk = useCallback(
    (by: number) => {
      const next = Math.min(Math.max(cursor + by, whole[0]), whole[1] - 1);
      setAt(next);
      setRange((held) => (next < held[0] || next > held[1] ? shifted(held, whole, by) : held));
    },
    [cursor, whole],
  );
  const onKey = (event: KeyboardEvent) => {
    const act = (
      { ArrowLeft: () => walk(-step), ArrowRight: () => walk(step), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
        "0": () => setRange(whole), Home: () => walk(-DAY_MS), End: () => walk(DAY_MS) } as Record<string, (() => void) | undefined>
    )[event.key]; // prettier-ignore
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  const said = words(cursor);
  return (
    <>
      <div className="day-zoom">
        <Button onClick={() => zoom(0.5)} data-testid="day-zoom-in">
          {t("zoomIn")}
        </Button>
        <Button onClick={() => zoom(2)}>{t("zoomOut")}</Button>
        <Button onClick={() => setRange((held) => shifted(held, whole, (held[0] - held[1]) / 2))}>{t("left")}</Button>
        <Button onClick={() => setRange((held) => shifted(held, whole, (held[1] - held[0]) / 2))}>{t("right")}</Button>
        <Button onClick={() => setRange(whole)} data-testid="day-whole">
          {t("whole")}
        </Button>
      </div>
      <div
        className="day-plot"
        role="slider"
        tabIndex={0}
        aria-label={t("axis", { day: day.day })}
        aria-describedby="day-how"
        aria-valuemin={0}
        aria-valuemax={Math.round((whole[1] - whole[0]) / 60_000)}
        aria-valuenow={Math.round((cursor - whole[0]) / 60_000)}
        aria-valuetext={said}
        data-testid="day-plot"
        data-range={`${clockOf(new Date(range[0]).toISOString())}-${clockOf(new Date(range[1]).toISOString())}`}
        onKeyDown={onKey}
      >
        <div ref={box} aria-hidden="true" className="day-canvas" />
      </div>
      <p className="day-moment" data-testid="day-moment">
        {said}
      </p>
      <p id="day-how" className="day-how">
        {t("how")}
      </p>
      <Legend names={lines.names} day={day} />
    </>
  );
}

function Legend({ names, day }: { names: readonly string[]; day: Day }): ReactNode {
  const { i18n } = useTranslation();
  const { dark } = usePreferences();
  const palette = PALETTES[dark ? "dark" : "light"];
  if (names.length === 0) return null;
  return (
    <ul className="plot-legend day-legend" aria-hidden="true">
      {names.map((quantity, index) => (
        <li key={quantity}>
          <svg viewBox="0 0 24 8" width="24" height="8">
            <line x1="0" x2="24" y1="4" y2="4" stroke={palette.lines[index]} strokeWidth={2} strokeDasharray={index === 0 ? "" : "6 3"} />
          </svg>
          {i18n.language === "en" ? quantity.replaceAll("_", " ") : day.vitals.find((vital) => vital.quantity === quantity)?.label_zh}
        </li>
      ))}
    </ul>
  );
}

/** What is known of a moment, in one line. */
function useMoment(day: Day): (at: number) => string {
  const { t, i18n } = useTranslation("day");
  return (at) => {
    const moment = momentOf(day, at);
    const clock = clockOf(new Date(at).toISOString());
    if (moment.future) return `${clock} · ${t("future")}`;
    const english = i18n.language === "en";
    const parts = [
      ...moment.alerts.map((alert) => t("alert", { name: english ? alert.name_en : alert.name_zh })),
      ...(moment.blind ? [t("blind")] : moment.bed === null ? [] : [t(`bed.${moment.bed}`)]),
      ...(moment.notWorn ? [t("notWorn")] : []),
      ...moment.rooms.map(({ room, shared }) => t(shared ? "roomShared" : "roomActive", { room })),
      ...moment.vitals.map(
        ({ quantity, label_zh, unit, value }) =>
          `${english ? quantity.replaceAll("_", " ") : label_zh} ${value}${unit === "1" ? "" : ` ${unitWord(unit)}`}`,
      ),
    ];
    return `${clock} · ${parts.length === 0 ? t("nothing") : parts.join(" · ")}`;
  };
}

const unitWord = (unit: string): string => ({ "1/min": "/min", Cel: "°C" })[unit] ?? unit;

function List({ day }: { day: Day }): ReactNode {
  const { t } = useTranslation("day");
  const [opened, setOpened] = useState(false);
  const say = useEntry();
  return (
    <details data-testid="day-list" onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>{t("list")}</summary>
      {opened && (
        <DataTable
          title={t("listTitle")}
          rows={entriesOf(day)}
          rowKey={(entry) => `${entry.kind} ${entry.from} ${entry.until ?? ""} ${say(entry)}`}
          empty={t("empty")}
          columns={[
            { title: t("from"), cell: (entry) => shortOf(entry.from, day) },
            { title: t("until"), cell: (entry) => (entry.until === null ? (entry.kind === "change" ? "" : t("open")) : shortOf(entry.until, day)) },
            { title: t("what"), cell: say },
          ]}
        />
      )}
    </details>
  );
}

const shortOf = (iso: string, day: Day): string =>
  ms(iso) >= ms(day.from_at) && ms(iso) <= ms(day.until_at) ? clockOf(iso) : dayAndClock(iso);

function useEntry(): (entry: Entry) => string {
  const { t, i18n } = useTranslation("day");
  return (entry) => {
    switch (entry.kind) {
      case "bed":
        return t(`bed.${entry.state}`);
      case "room":
        return t(entry.shared ? "roomShared" : "roomActive", { room: entry.room });
      case "alert":
        return t("alert", { name: i18n.language === "en" ? entry.alert.name_en : entry.alert.name_zh });
      case "hole":
        return t("hole", { device: entry.device ?? t("allDevices"), cause: t(`cause.${causeOf(entry.cause)}`) });
      case "pause":
        return t(`pause.${entry.reason as keyof typeof Texts.pause}`);
      case "change":
        return t(`change.${entry.what}`, { device: entry.device });
      default:
        return t(entry.kind);
    }
  };
}

const CAUSES = ["battery", "everything_silent", "sees_nothing", "never_heard", "gateway_offline", "source_down", "gateway_down", "thinned", "dropped"] as const;
const causeOf = (cause: string): keyof typeof Texts.cause => CAUSES.find((known) => known === cause) ?? "unknown";
