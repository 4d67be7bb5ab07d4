import "./simulator.css";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { shortTime } from "../../shared/time";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { type Run, type RunIn, RUNS_KEY, SCENARIOS_KEY, simulations } from "./calls";
import { CompareView } from "./CompareView";
import { DrillForm } from "./DrillForm";
import { RunForm } from "./RunForm";
import { RunView } from "./RunView";

const REFRESH_MS = 5_000;

/** Choose a night, run it, watch it; none of it is real, and the page says so at every turn. */
export default function SimulatorPage(): ReactNode {
  const { t, i18n } = useTranslation("simulator");
  const { t: common } = useTranslation();
  const queries = useQueryClient();
  const { me } = useMe();
  const [search, setSearch] = useSearchParams();
  const open = search.get("run");
  const other = search.get("with");
  const scenarios = useQuery({ queryKey: SCENARIOS_KEY, queryFn: simulations.scenarios, staleTime: Infinity });
  const runs = useQuery({ queryKey: RUNS_KEY, queryFn: simulations.list, refetchInterval: REFRESH_MS });
  const failed = scenarios.failureReason ?? runs.failureReason;
  const known = scenarios.data?.scenarios ?? [];
  const titleOf = (key: string): string => {
    const found = known.find((one) => one.key === key);
    return found === undefined ? key : i18n.language === "en" ? found.title_en : found.title_zh;
  };
  const start = async (wanted: RunIn) => {
    const run = await simulations.start(wanted);
    setSearch({ run: run.id });
    await queries.invalidateQueries({ queryKey: RUNS_KEY, exact: true });
  };
  const comparable = (run: Run): boolean =>
    run.state === "done" && run.id !== open && open !== null && run.wanted.what_if === null;
  return (
    <div className="sim">
      <p className="sim-mark" role="note">
        <strong>{t("mark")}</strong> {t("markText")}
      </p>
      {failed !== null && (
        <p role="alert" className="banner">
          {t("failed", { why: explain(common, failed) })}
        </p>
      )}
      {scenarios.data === undefined ? <Waiting /> : <RunForm scenarios={known} onStart={start} />}
      {me?.permissions.includes("drills_run") === true && me.permissions.includes("coverage_read") && <DrillForm />}
      {open !== null && other !== null && (
        <CompareView ids={[open, other]} onClose={() => setSearch({ run: open })} />
      )}
      {open !== null && <RunView key={open} id={open} titleOf={titleOf} />}
      <DataTable<Run>
        title={t("runs")}
        rows={runs.data?.runs ?? []}
        rowKey={(run) => run.id}
        empty={t("none")}
        columns={[
          { title: t("what"), cell: (run) => titleOf(run.wanted.scenario) },
          {
            title: t("settings"),
            cell: (run) =>
              [
                `${t("seed")} ${run.wanted.seed}`,
                run.wanted.what_if && `${t("whatIf")} ${run.wanted.what_if.carers.join(", ")}`,
                run.wanted.carers !== null && `${t("carers")} ${run.wanted.carers}`,
              ]
                .filter(Boolean)
                .join(" · "),
          },
          { title: t("state"), cell: (run) => t(`states.${run.state}`) },
          { title: t("when"), cell: (run) => `${shortTime(run.asked_at)} ${run.asked_by}` },
          {
            title: t("actions"),
            cell: (run) => (
              <span className="sim-actions">
                <Button size="small" onClick={() => setSearch({ run: run.id })}>
                  {t("open")}
                </Button>
                {comparable(run) && open !== null && (
                  <Button size="small" onClick={() => setSearch({ run: open, with: run.id })}>
                    {t("compareWith")}
                  </Button>
                )}
              </span>
            ),
          },
        ]}
      />
    </div>
  );
}
