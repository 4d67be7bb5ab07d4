import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { TextField } from "../shared/forms";
import { clockTime, shortTime } from "../shared/time";
import { useMe } from "../shared/useMe";
import { Waiting } from "../shared/Waiting";

type Check = components["schemas"]["PreFlightOut"];
type Problem = { kind: string; [key: string]: unknown };

const REFRESH_MS = 10_000;
const HANDOVER_MS = 3_600_000;
const KINDS = ["empty_step", "desk_only", "dead_point", "unverified_point", "console", "no_console"] as const;
type Kind = (typeof KINDS)[number];
const isKind = (kind: string): kind is Kind => KINDS.some((each) => each === kind);

function ProblemText({ problem }: { problem: Problem }): string {
  const { t } = useTranslation("shift");
  if (!isKind(problem.kind)) return problem.kind;
  const elders = Array.isArray(problem.elders) ? problem.elders.join("、") : "";
  const at = typeof problem.at === "string" ? shortTime(problem.at) : "";
  return t(`now.problem.${problem.kind}`, { ...problem, elders, at });
}

function PreFlight({ check }: { check: Check }): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const queryClient = useQueryClient();
  const [remark, setRemark] = useState("");
  const sign = useMutation({
    mutationFn: () =>
      answer(
        client.POST("/api/v1/duty/pre-flight/{check_id}/sign", {
          params: { path: { check_id: check.id } },
          body: { remark: remark.trim() || null },
        }),
      ),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["pre-flight"] }),
  });
  const problems = (check.result.problems ?? []) as Problem[];
  const elders = Number(check.result.elders ?? 0);
  return (
    <div data-testid="pre-flight" data-problems={problems.length}>
      <p>
        {clockTime(check.made_at)}{" "}
        {problems.length === 0
          ? t("now.allWell", { elders })
          : t("now.problems", { elders, count: problems.length })}
      </p>
      <ul>
        {problems.map((problem) => (
          <li key={JSON.stringify(problem)}>
            <ProblemText problem={problem} />
          </li>
        ))}
      </ul>
      {check.signed_at === null ? (
        <div className="tools">
          <TextField label={t("now.remark")} value={remark} onChange={setRemark} testId="pre-flight-remark" />
          <Button onClick={() => sign.mutate()} data-testid="pre-flight-sign">
            {t("now.sign")}
          </Button>
        </div>
      ) : (
        <p data-testid="pre-flight-signed">
          {t("now.signedBy", { name: check.signed_by ?? "", time: clockTime(check.signed_at) })}
          {check.remark !== null && `：${check.remark}`}
        </p>
      )}
      {sign.isError && <p role="alert">{explain(plain, sign.error)}</p>}
    </div>
  );
}

/** Who is on duty now, which desks stand guard, and the check before a shift. */
export default function NowPage(): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const roster = useQuery({
    queryKey: ["roster"],
    queryFn: () => answer(client.GET("/api/v1/duty/roster")),
    refetchInterval: REFRESH_MS,
  });
  const consoles = useQuery({
    queryKey: ["consoles"],
    queryFn: () => answer(client.GET("/api/v1/consoles")),
    refetchInterval: REFRESH_MS,
    enabled: me?.permissions.includes("alerts_read") === true,
  });
  const checks = useQuery({
    queryKey: ["pre-flight"],
    queryFn: () => answer(client.GET("/api/v1/duty/pre-flight")),
  });
  const make = useMutation({
    mutationFn: () => answer(client.POST("/api/v1/duty/pre-flight")),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["pre-flight"] }),
  });
  const failure = roster.error ?? consoles.error ?? checks.error ?? make.error;
  if (roster.data === undefined) {
    return failure === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(plain, failure) })}</p>;
  }
  const last = checks.data?.checks[0];
  // Handed over within the hour before the shift, or since.
  const earliest = Date.parse(roster.data.shift_starts_at) - HANDOVER_MS;
  const signed = checks.data?.checks.some(({ signed_at }) => signed_at !== null && Date.parse(signed_at) >= earliest);
  return (
    <>
      {failure !== null && <p role="alert">{t("failed", { why: explain(plain, failure) })}</p>}
      <p>
        {t("now.shift", {
          name: roster.data.shift,
          from: shortTime(roster.data.shift_starts_at),
          to: shortTime(roster.data.shift_ends_at),
        })}
      </p>
      {signed === false && (
        <p className="warn" role="status" data-testid="pre-flight-missing">
          {t("now.notSigned")}
        </p>
      )}
      <DataTable
        title={t("now.duties")}
        rows={roster.data.duties}
        rowKey={(row) => row.id}
        empty={t("now.nobody")}
        columns={[
          { title: t("now.name"), cell: (row) => row.name },
          { title: t("now.as"), cell: (row) => t(`now.${row.duty_as}`) },
          { title: t("now.unit"), cell: (row) => row.unit ?? t("now.wholeHouse") },
          { title: t("now.until"), cell: (row) => shortTime(row.ends_at) },
          {
            title: t("now.reach"),
            cell: (row) =>
              [row.at_desk && t("now.atDesk"), row.has_way && t("now.hasWay")].filter(Boolean).join("、") ||
              t("now.noWay"),
          },
        ]}
      />
      <DataTable
        title={t("now.consoles")}
        rows={consoles.data?.consoles ?? []}
        rowKey={(row) => row.id}
        empty={t("now.noConsoles")}
        columns={[
          { title: t("now.name"), cell: (row) => row.name },
          {
            title: t("now.reach"),
            cell: (row) => (
              <span className={row.healthy ? undefined : "guard-bad"} data-testid="console-state" data-healthy={row.healthy}>
                {row.healthy ? `✓ ${t("now.healthy")}` : `⚠ ${t("now.lost")}`}
              </span>
            ),
          },
          { title: t("now.sound"), cell: (row) => t(`now.audio.${row.audio}`) },
          { title: t("now.line"), cell: (row) => (row.live ? t("now.lineOn") : t("now.lineOff")) },
          { title: t("now.wake"), cell: (row) => t(`now.wakeLock.${row.wake_lock}`) },
          { title: t("now.lastSeen"), cell: (row) => clockTime(row.last_seen_at) },
        ]}
      />
      <section aria-labelledby="pre-flight-title">
        <h2 id="pre-flight-title">{t("now.preFlight")}</h2>
        {me?.permissions.includes("alerts_act") === true && (
          <Button type="primary" onClick={() => make.mutate()} data-testid="pre-flight-make" aria-disabled={make.isPending}>
            {make.isPending ? t("now.checking") : t("now.check")}
          </Button>
        )}
        {last && <PreFlight check={last} />}
      </section>
    </>
  );
}
