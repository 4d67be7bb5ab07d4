import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { serverClock, shortTime } from "../shared/time";
import { Waiting } from "../shared/Waiting";

type Share = components["schemas"]["ShareOut"];
type Times = components["schemas"]["TimesOut"];
type Figures = components["schemas"]["FiguresOut"];

const DAY_MS = 86_400_000;
const CHOICES = [1, 7, 30] as const;

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
    plain(t("figures.perHour", { budget: found.budget_per_hour }), found.per_duty_hour, `${found.duty_hours} h`),
    share(t("figures.answered60"), found.answered_60_s),
    share(t("figures.answered180"), found.answered_180_s),
    times(t("figures.answer"), found.answer),
    times(t("figures.arrival"), found.arrival),
    times(t("figures.resolution"), found.resolution),
    share(t("figures.false"), found.false),
    share(t("figures.unclear"), found.unclear),
    plain(t("figures.falls"), found.falls),
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
  const [days, setDays] = useState<number>(30);
  const id = useId();
  // To the minute, so that the same question is not asked every render.
  const [nowMs] = useState(() => Math.ceil(serverClock.nowMs() / 60_000) * 60_000);
  const span = (back: number) => ({
    from: new Date(nowMs - back * DAY_MS).toISOString(),
    to: new Date(nowMs).toISOString(),
  });
  const found = useQuery({
    queryKey: ["figures", days, nowMs],
    queryFn: () => answer(client.GET("/api/v1/duty/figures", { params: { query: span(days) } })),
  });
  const ledger = useQuery({
    queryKey: ["ledger", nowMs],
    queryFn: () => answer(client.GET("/api/v1/duty/figures/ledger", { params: { query: span(1) } })),
  });
  const rows = useRows(found.data);
  const failure = found.error ?? ledger.error;
  if (failure !== null) return <p role="alert">{t("failed", { why: explain(plain, failure) })}</p>;
  if (found.data === undefined) return <Waiting />;
  const query = new URLSearchParams(span(days)).toString();
  return (
    <>
      <p className="no-print">
        <label htmlFor={id}>{t("figures.days")}</label>{" "}
        <select id={id} value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {CHOICES.map((each) => (
            <option key={each} value={each}>
              {t("figures.last", { days: each })}
            </option>
          ))}
        </select>{" "}
        <Button href={`/api/v1/duty/figures/csv?${query}`}>{t("figures.csv")}</Button>{" "}
        <Button onClick={() => window.print()}>{t("figures.print")}</Button>
      </p>
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
