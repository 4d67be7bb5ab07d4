import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { ChecksField, SelectField, TextField } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { KINDS, type RiskQuery, safety, SAFETY_KEYS } from "./calls";

const LEVELS = ["high", "watch", "none", "not_assessed"] as const;
const RISKS = KINDS.filter((kind) => kind !== "other");

/** The nine risks over all who stay here: counts by risk and state, and who. */
export function RegisterPage(): ReactNode {
  const { t } = useTranslation("safety");
  const { t: common } = useTranslation();
  const [risk, setRisk] = useState("");
  const [level, setLevel] = useState("");
  const [owner, setOwner] = useState("");
  const [flags, setFlags] = useState<string[]>(["due"]);
  const query = {
    ...(risk && { risk: risk as NonNullable<RiskQuery["risk"]> }),
    ...(level && { level: level as NonNullable<RiskQuery["level"]> }),
    ...(owner.trim() && { owner: owner.trim() }),
    ...(flags.includes("due") && { overdue: true }),
  };
  const { data, failureReason } = useQuery({
    queryKey: SAFETY_KEYS.register(query),
    queryFn: () => safety.register(query),
    placeholderData: (before) => before,
  });
  const only = (kind: string, state: string) => {
    setRisk(kind);
    setLevel(state);
    setFlags([]);
  };
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  return (
    <>
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      <DataTable
        title={t("counts", { count: data.elders })}
        rows={data.counts}
        rowKey={(row) => row.risk}
        empty=""
        columns={[
          { title: t("risk"), cell: (row) => t(`kind.${row.risk}`) },
          ...LEVELS.map((state) => ({
            title: t(`level.${state}`),
            cell: (row: (typeof data.counts)[number]) => (
              <button type="button" className="count-link" onClick={() => only(row.risk, state)} data-level={state}
                aria-label={`${t(`kind.${row.risk}`)} ${t(`level.${state}`)} ${String(row[state])}`}>
                {row[state]}
              </button>
            ),
          })),
          { title: t("overdue"), cell: (row) => row.overdue },
        ]}
      />
      <div className="safety-filter no-print">
        <SelectField label={t("risk")} value={risk} onChange={setRisk} testId="risk-filter"
          options={[{ value: "", label: t("all") }, ...RISKS.map((value) => ({ value, label: t(`kind.${value}`) }))]} />
        <SelectField label={t("state_")} value={level} onChange={setLevel}
          options={[{ value: "", label: t("all") }, ...LEVELS.map((value) => ({ value, label: t(`level.${value}`) }))]} />
        <TextField label={t("ownerHas")} value={owner} onChange={setOwner} type="search" />
        <ChecksField label={t("overdue")} value={flags} onChange={setFlags} options={[{ value: "due", label: t("onlyDue") }]} />
      </div>
      <DataTable
        title={t("rows", { count: data.rows.length })}
        rows={data.rows}
        rowKey={(row) => `${row.elder_id} ${row.entry.risk}`}
        empty={t("noRows")}
        columns={[
          { title: t("place"), cell: (row) => row.place },
          { title: t("elder"), cell: (row) => <Link to={`/care/elders/${row.elder_id}`}>{row.elder_name}</Link> },
          { title: t("risk"), cell: (row) => t(`kind.${row.entry.risk}`) },
          { title: t("state_"), cell: (row) => t(`level.${row.entry.level}`) },
          { title: t("measures"), cell: (row) => row.entry.measures },
          { title: t("owner"), cell: (row) => row.entry.owner },
          {
            title: t("review"),
            cell: (row) => (
              <>
                {row.entry.review_on ?? ""} {row.entry.is_due && row.entry.review_on !== null && <strong>{t("overdue")}</strong>}
              </>
            ),
          },
        ]}
      />
    </>
  );
}
