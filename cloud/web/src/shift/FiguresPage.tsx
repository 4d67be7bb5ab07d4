import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { CHINA_OFFSET_MS, serverClock, shortTime } from "../shared/time";
import { Waiting } from "../shared/Waiting";
import "./shift.css";

type Share = components["schemas"]["ShareOut"];
type Times = components["schemas"]["TimesOut"];
type Figures = components["schemas"]["FiguresOut"];

const DAY_MS = 86_400_000;
const DAYS = [1, 7, 30] as const;
/** This month and those before it, by its number of months back. */
const MONTHS = [0, 1, 2] as const;

/** From the first of a month in China to the first of the next, or to now. */
export function monthSpan(nowMs: number, back: number): { from: string; to: string; label: string } {
  const here = new Date(nowMs + CHINA_OFFSET_MS);
  const [year, month] = [here.getUTCFullYear(), here.getUTCMonth() - back];
  const first = Date.UTC(year, month, 1);
  const next = Date.UTC(year, month + 1, 1);
  return {
    from: new Date(first - CHINA_OFFSET_MS).toISOString(),
    to: new Date(Math.min(next - CHINA_OFFSET_MS, nowMs)).toISOString(),
    label: new Date(first).toISOString().slice(0, 7),
  };
}

function useRows(found: Figures | undefined): { name: string; value: string; behind: string }[] {
  const { t } = useTranslation("shift");
  if (found === undefined) return [];
  const none = t("figures.none");
  const share = (name: string, { part, whole, percent }: Share) => ({
    name,
    value: percent === null ? none : `${percent} %`,
    behind: `${part}/${whole}`,
  });
  const times = (name: string, { count, median_s, p95_s }: Times) => ({
    name,
    value: median_s === null ? none : t("figures.seconds", { median: median_s, p95: p95_s ?? "" }),
    behind: String(count),
  });
  const plain = (name: string, value: number | null, behind = "") => ({
    name,
    value: value === null ? none : String(value),
    behind,
  });
  return [
    plain(t("figures.alerts"), found.alerts),
    plain(t("figures.folded"), found.folded),
    plain(t("figures.history"), found.history),
    plain(t("figures.unheard"), found.unheard),
    ...Object.entries(found.priority_share).map(([priority, each]) =>
      share(t(`figures.mix.${priority as "high" | "medium" | "low"}`), each),
    ),
    plain(t("figures.perHour", { budget: found.budget_per_hour }), found.per_duty_hour, `${found.duty_hours} h`),
    plain(
      t("figures.perDay", { budget: found.budget_per_day, limit: found.limit_per_day }),
      found.per_duty_day,
      `${found.duty_hours} h`,
    ),
    share(t("figures.answered60"), found.answered_60_s),
    share(t("figures.answered180"), found.answered_180_s),
    times(t("figures.answer"), found.answer),
    times(t("figures.arrival"), found.arrival),
    times(t("figures.resolution"), found.resolution),
    times(t("figures.closing"), found.closing),
    share(t("figures.onSpot45"), found.on_spot_45_min),
    share(t("figures.onSpot60"), found.on_spot_60_min),
    share(t("figures.shown10"), found.shown_10_s),
    share(t("figures.cloud5"), found.cloud_5_s),
    times(t("figures.sensorToDesk"), found.sensor_to_desk),
    share(t("figures.false"), found.false),
    share(t("figures.unclear"), found.unclear),
    plain(t("figures.falls"), found.falls),
    plain(t("figures.falseFalls"), found.false_falls_per_bed_week),
    share(t("figures.topShare"), found.top_share),
    plain(t("figures.floods"), found.floods),
    plain(t("figures.chattering"), found.chattering),
    plain(t("figures.stale"), found.stale),
    plain(t("figures.shelved"), found.shelved_now),
    plain(t("figures.technical"), found.technical_per_device_week),
    plain(t("figures.night"), found.per_bed_night),
  ];
}

/** The month sheet: figures with the counts behind them, for the screen, paper and a spreadsheet. */
export default function FiguresPage(): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const [choice, setChoice] = useState("month-0");
  const id = useId();
  // To the minute, so that the same question is not asked every render.
  const [nowMs] = useState(() => Math.ceil(serverClock.nowMs() / 60_000) * 60_000);
  const span = (back: number) => ({
    from: new Date(nowMs - back * DAY_MS).toISOString(),
    to: new Date(nowMs).toISOString(),
  });
  const [kind, number] = choice.split("-");
  const month = kind === "month" ? monthSpan(nowMs, Number(number)) : undefined;
  const { from, to } = month ?? span(Number(number));
  const found = useQuery({
    queryKey: ["figures", from, to],
    queryFn: () => answer(client.GET("/api/v1/duty/figures", { params: { query: { from, to } } })),
  });
  const ledger = useQuery({
    queryKey: ["ledger", nowMs],
    queryFn: () => answer(client.GET("/api/v1/duty/figures/ledger", { params: { query: span(1) } })),
  });
  const rows = useRows(found.data);
  const failure = found.failureReason ?? ledger.failureReason;
  if (failure !== null) return <p role="alert">{t("failed", { why: explain(plain, failure) })}</p>;
  if (found.data === undefined) return <Waiting />;
  const query = new URLSearchParams({ from, to }).toString();
  return (
    <>
      <p className="no-print">
        <label htmlFor={id}>{t("figures.days")}</label>{" "}
        <select
          id={id}
          value={choice}
          onChange={(event) => {
            setChoice(event.target.value);
          }}
        >
          {MONTHS.map((each) => (
            <option key={each} value={`month-${each}`}>
              {t("figures.month", { month: monthSpan(nowMs, each).label })}
            </option>
          ))}
          {DAYS.map((each) => (
            <option key={each} value={`days-${each}`}>
              {t("figures.last", { days: each })}
            </option>
          ))}
        </select>{" "}
        <Button href={`/api/v1/duty/figures/csv?${query}`}>{t("figures.csv")}</Button>{" "}
        <Button onClick={() => window.print()}>{t("figures.print")}</Button>
      </p>
      <h2 className="only-print">{t("figures.sheet", { from: shortTime(from), to: shortTime(to) })}</h2>
      <p>{t("figures.note")}</p>
      <DataTable
        title={t("section.figures")}
        rows={rows}
        rowKey={(row) => row.name}
        empty={t("figures.none")}
        columns={[
          { title: t("figures.figure"), cell: (row) => row.name },
          { title: t("figures.value"), cell: (row) => row.value },
          { title: t("figures.behind"), cell: (row) => row.behind },
        ]}
      />
      <DataTable
        title={t("figures.sources")}
        rows={found.data.top_sources}
        rowKey={(row) => row.device_id}
        empty={t("figures.none")}
        columns={[
          { title: t("figures.device"), cell: (row) => row.device_id },
          { title: t("figures.count"), cell: (row) => row.alerts },
          { title: t("figures.false"), cell: (row) => `${row.false.part}/${row.false.whole}` },
          { title: t("figures.unclear"), cell: (row) => `${row.unclear.part}/${row.unclear.whole}` },
        ]}
      />
      <DataTable
        title={t("figures.ledger")}
        rows={ledger.data?.alerts ?? []}
        rowKey={(row) => row.id}
        empty={t("figures.none")}
        columns={[
          { title: t("figures.happened"), cell: (row) => shortTime(row.happened_at) },
          { title: t("figures.code"), cell: (row) => row.code },
          {
            title: t("figures.hops"),
            cell: (row) =>
              Object.entries(row.hops)
                .sort(([, a], [, b]) => a.localeCompare(b))
                .map(([hop, at]) => `${hop} ${((Date.parse(at) - Date.parse(row.happened_at)) / 1000).toFixed(1)}`)
                .join(" · "),
          },
        ]}
      />
    </>
  );
}
