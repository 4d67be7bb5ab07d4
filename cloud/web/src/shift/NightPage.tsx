import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { PriorityMark } from "../duty/PriorityMark";
import { kindText } from "../duty/words";
import { explain } from "../shared/explain";
import { SelectField, TextField, toIso } from "../shared/forms";
import { CHINA_OFFSET_MS, clockTime, serverClock, shortTime } from "../shared/time";
import { Waiting } from "../shared/Waiting";

type Row = components["schemas"]["NightAlert"];

// A night runs from the evening meal to after breakfast: both handovers are in it.
const HOURS = 14;
const BEGINS_H = 18;
// The service goals (alarms.md, 4 and 5): answered within 60 s, on the desk within 5 s.
const SLOW_S = { desk: 5, acknowledged: 60, arrived: 300 };
const LATE_SHOWN_S = 30;
const HOUR_MS = 3_600_000;

/** The evening before, as a field of date and time shows it. */
function lastEvening(nowMs: number): string {
  const local = new Date(nowMs + CHINA_OFFSET_MS);
  if (local.getUTCHours() < BEGINS_H) local.setUTCDate(local.getUTCDate() - 1);
  return `${local.toISOString().slice(0, 10)}T${BEGINS_H}:00`;
}

const first = (row: Row, ...hops: string[]): number | null => {
  const times = hops.flatMap((hop) => (row.hops[hop] === undefined ? [] : [Date.parse(row.hops[hop])]));
  return times.length === 0 ? null : Math.min(...times);
};

/** Seconds from when the hub had it to a person's deed; up to the desk from when it happened. */
const after = (fromMs: number, atMs: number | null): number | null => (atMs === null ? null : (atMs - fromMs) / 1000);

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known.length === 0 ? null : (known[Math.floor((known.length - 1) / 2)] ?? null);
}

/** One night on one page: each alert from its sensor to its end, and who was told. */
export default function NightPage(): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const [from, setFrom] = useState(() => lastEvening(serverClock.nowMs()));
  const [origin, setOrigin] = useState<"live" | "all">("live");
  const begin = Number.isNaN(Date.parse(from)) ? null : toIso(from);
  const end = begin === null ? null : new Date(Date.parse(begin) + HOURS * HOUR_MS).toISOString();
  const { data, failureReason: error } = useQuery({
    queryKey: ["night", begin, origin],
    queryFn: () =>
      answer(client.GET("/api/v1/duty/night", { params: { query: { from: begin ?? "", to: end ?? "", origin } } })),
    enabled: begin !== null,
  });
  return (
    <>
      <div className="tools no-print">
        <TextField label={t("night.from", { hours: HOURS })} value={from} onChange={setFrom} type="datetime-local" testId="night-from" />
        <SelectField
          label={t("night.which")}
          value={origin}
          onChange={(value) => setOrigin(value as "live" | "all")}
          testId="night-origin"
          options={[
            { value: "live", label: t("night.live") },
            { value: "all", label: t("night.all") },
          ]}
        />
        <Button onClick={() => window.print()}>{t("figures.print")}</Button>
      </div>
      {error !== null && <p role="alert">{t("failed", { why: explain(plain, error) })}</p>}
      {data === undefined ? (
        error === null && <Waiting />
      ) : (
        <section aria-labelledby="night-title">
          <h2 id="night-title">
            {t("night.title", { from: shortTime(data.begin), to: shortTime(data.end) })}
          </h2>
          {data.more && <p className="warn">{t("night.more")}</p>}
          <Sum rows={data.alerts} />
          {data.alerts.length === 0 ? <p className="data-empty">{t("night.none")}</p> : <Ledger rows={data.alerts} />}
        </section>
      )}
    </>
  );
}

function Sum({ rows }: { rows: readonly Row[] }): ReactNode {
  const { t } = useTranslation("shift");
  const live = rows.filter((row) => row.origin === "live");
  const answered = live.map((row) => after(Date.parse(row.raised_at), first(row, "acknowledged", "attending", "arrived")));
  const there = live.map((row) => after(Date.parse(row.raised_at), first(row, "arrived")));
  const seconds = (value: number | null) => (value === null ? "—" : t("night.seconds", { count: Math.round(value) }));
  const slow = answered.filter((value) => value === null || value > SLOW_S.acknowledged).length;
  const sums = [
    [t("night.sumAlerts"), String(live.length)],
    [t("night.sumOther"), String(rows.length - live.length)],
    [t("night.sumAnswer"), seconds(median(answered))],
    [t("night.sumArrival"), seconds(median(there))],
    [t("night.sumSlow", { seconds: SLOW_S.acknowledged }), String(slow)],
    [t("night.sumOpen"), String(live.filter((row) => row.state !== "resolved" && row.state !== "closed").length)],
  ];
  return (
    <dl className="night-sum" data-testid="night-sum">
      {sums.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Ledger({ rows }: { rows: readonly Row[] }): ReactNode {
  const { t } = useTranslation("shift");
  return (
    <table className="night" aria-labelledby="night-title">
      <thead>
        <tr>
          {(["happened", "what", "decided", "desk", "acknowledged", "arrived", "resolved", "outcome", "told"] as const).map((name) => (
            <th key={name} scope="col">
              {t(`night.col.${name}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Line key={row.id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Line({ row }: { row: Row }): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const happened = Date.parse(row.happened_at);
  const raised = Date.parse(row.raised_at);
  const end = row.finding === null ? (row.verdict === null ? plain(`state.${row.state}`) : plain(`verdict.${row.verdict}`)) : plain(`finding.${row.finding}`);
  return (
    <tr data-testid="night-row" data-origin={row.origin}>
      <th scope="row" className="number">
        {clockTime(row.happened_at)}
        {row.late_s >= LATE_SHOWN_S && <small data-slow="true">{t("night.late", { time: shortTime(row.raised_at) })}</small>}
      </th>
      <td>
        <PriorityMark priority={row.priority} /> {kindText(plain, row.code)}
        {row.origin !== "live" && <strong> [{plain(`origin.${row.origin}`)}]</strong>}
        <small>
          {row.place ?? t("night.noPlace")}
          {row.count > 1 && ` · ${t("night.times", { count: row.count })}`}
          {row.step > 0 && ` · ${t("night.step", { step: row.step })}`}
        </small>
      </td>
      <Hop title={t("night.col.decided")} seconds={after(happened, first(row, "decided"))} />
      <Hop title={t("night.col.desk")} seconds={after(happened, first(row, "shown", "drawn"))} slow={row.late_s >= LATE_SHOWN_S ? undefined : SLOW_S.desk} />
      <Hop title={t("night.col.acknowledged")} seconds={after(raised, first(row, "acknowledged"))} slow={SLOW_S.acknowledged} by={row.acknowledged_by} />
      <Hop title={t("night.col.arrived")} seconds={after(raised, first(row, "arrived"))} slow={SLOW_S.arrived} by={row.arrived_by} />
      <Hop title={t("night.col.resolved")} seconds={after(raised, first(row, "resolved"))} by={row.resolved_by} />
      <td data-title={t("night.col.outcome")}>
        {end}
        {row.injury !== null && <small>{plain(`injury.${row.injury}`)}</small>}
      </td>
      <td className="wide" data-title={t("night.col.told")}>
        <Told told={row.told} />
      </td>
    </tr>
  );
}

function Told({ told }: { told: Row["told"] }): ReactNode {
  const { t } = useTranslation("shift");
  const seen = new Map<string, Row["told"]>();
  for (const each of told) seen.set(each.recipient, [...(seen.get(each.recipient) ?? []), each]);
  return [...seen].map(([name, all]) => {
    const family = all.some(({ kind }) => kind === "family" || kind === "outcome");
    const reached = all.some(({ state }) => state === "sent");
    const failed = all.some(({ state }) => state === "failed");
    const state = reached ? "✓" : failed ? "✗" : "…";
    const said = reached ? t("night.reached") : failed ? t("night.notReached") : t("night.notNeeded");
    return (
      <span key={name}>
        <span aria-hidden="true">{state}</span> {family ? t("night.familyName", { name }) : name}
        <span className="sr-only">{said}</span>{" "}
      </span>
    );
  });
}

type HopProps = { title: string; seconds: number | null; slow?: number | undefined; by?: string | null };

function Hop({ title, seconds, slow, by }: HopProps): ReactNode {
  const { t } = useTranslation("shift");
  return (
    <td className="number" data-title={title}>
      {seconds === null ? (
        "—"
      ) : (
        <span data-slow={slow !== undefined && seconds > slow}>
          {seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} {t("night.unit")}
        </span>
      )}
      {by && <small>{by}</small>}
    </td>
  );
}
