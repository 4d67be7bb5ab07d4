import { useQueries } from "@tanstack/react-query";
import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { Waiting } from "../../shared/Waiting";
import { RUNS_KEY, type RunDetail, simulations } from "./calls";
import { castOf, type Figure, figuresOf, resultOf } from "./frames";

function useCards(ids: readonly [string, string]): (RunDetail | undefined)[] {
  return useQueries({
    queries: ids.map((id) => ({ queryKey: [...RUNS_KEY, id], queryFn: () => simulations.one(id) })),
  }).map(({ data }) => data);
}

/** Two runs side by side, figure by figure. */
export function CompareView({ ids, onClose }: { ids: readonly [string, string]; onClose: () => void }): ReactNode {
  const { t } = useTranslation("simulator");
  const [one, other] = useCards(ids);
  if (one === undefined || other === undefined) return <Waiting />;
  const cards = [one, other].map(resultOf);
  const [left, right] = cards.map((card) => (card?.kind === "scorecard" ? figuresOf(card) : []));
  const target = castOf(one)?.target_s ?? 0;
  const name = (run: RunDetail): string =>
    `${run.wanted.scenario} · ${run.wanted.seed} · ${castOf(run)?.carers ?? "–"}`;
  const difference = (a: Figure, b: Figure | undefined): string => {
    if (a.value === null || b === undefined || b.value === null) return "–";
    const change = b.value - a.value;
    return `${change > 0 ? "+" : ""}${Number(change.toFixed(2))}`;
  };
  return (
    <section className="sim-compare" data-testid="sim-compare">
      <DataTable
        title={t("compare")}
        rows={left ?? []}
        rowKey={(row) => row.name}
        empty={t("none")}
        columns={[
          { title: t("figure"), cell: (row) => t(`figures.${row.name}`, { target }) },
          { title: name(one), cell: (row) => row.text },
          { title: `${name(other)} `, cell: (row) => right?.find((each) => each.name === row.name)?.text ?? "–" },
          { title: t("difference"), cell: (row) => difference(row, right?.find((each) => each.name === row.name)) },
        ]}
      />
      <Button onClick={onClose}>{t("closeCompare")}</Button>
    </section>
  );
}
