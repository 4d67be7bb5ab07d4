import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import { AskButton } from "../shared/AskButton";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { useMe } from "../shared/useMe";
import { Waiting } from "../shared/Waiting";
import { draftOf, NEW_DRAFT, type Draft, type Policy } from "./policy";
import { PolicyForm } from "./PolicyForm";

/** Who is told when: the house's own policies, and the defaults behind them. */
export default function PoliciesPage(): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const [draft, setDraft] = useState<{ key: number; value: Draft } | null>(null);
  const { data, failureReason: error } = useQuery({
    queryKey: ["policies"],
    queryFn: () => answer(client.GET("/api/v1/duty/policies")),
  });
  const roster = useQuery({ queryKey: ["roster"], queryFn: () => answer(client.GET("/api/v1/duty/roster")) });
  if (data === undefined) {
    return error === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(plain, error) })}</p>;
  }
  const manages = me?.permissions.includes("alert_rules_manage") === true;
  const units = roster.data?.units ?? [];
  const done = async () => {
    setDraft(null);
    await queryClient.invalidateQueries({ queryKey: ["policies"] });
  };
  const edit = (value: Draft) => setDraft({ key: (draft?.key ?? 0) + 1, value });
  return (
    <>
      <p>{t("policy.text")}</p>
      <DataTable
        title={t("section.policies")}
        rows={data.policies}
        rowKey={(row) => row.id ?? `default-${row.priority}`}
        empty={t("figures.none")}
        columns={[
          { title: t("policy.priority"), cell: (row) => plain(`priority.${row.priority}`) },
          { title: t("policy.name"), cell: (row) => (row.id === null ? t("policy.default") : row.name) },
          { title: t("policy.where"), cell: (row) => <Where policy={row} units={units} /> },
          { title: t("policy.steps"), cell: (row) => <Steps policy={row} /> },
          ...(manages
            ? [
                {
                  title: t("policy.change"),
                  cell: (row: Policy) => (
                    <>
                      <Button size="small" data-testid="policy-edit" onClick={() => edit(draftOf(row))}>
                        {row.id === null ? t("policy.basedOn") : t("policy.edit")}
                      </Button>{" "}
                      {row.id !== null && <Retire policy={row} done={done} />}
                    </>
                  ),
                },
              ]
            : []),
        ]}
      />
      {manages && draft === null && (
        <p>
          <Button data-testid="policy-new" onClick={() => edit(NEW_DRAFT)}>
            {t("policy.new")}
          </Button>
        </p>
      )}
      {draft !== null && <PolicyForm key={draft.key} start={draft.value} units={units} done={done} />}
    </>
  );
}

function Where({ policy, units }: { policy: Policy; units: readonly { id: string; name: string }[] }): ReactNode {
  const { t } = useTranslation("shift");
  const unit = units.find(({ id }) => id === policy.unit_id)?.name;
  const parts = [unit, policy.elder_id === null || policy.elder_id === undefined ? null : t("policy.oneElder"), policy.shift];
  return parts.filter(Boolean).join(" · ") || t("now.wholeHouse");
}

function Steps({ policy }: { policy: Policy }): ReactNode {
  const { t } = useTranslation("shift");
  const { steps, not_on_spot, second_person, family_notice } = policy.body;
  return (
    <ol className="policy-steps" start={0}>
      {steps.map((step, number) => (
        // Steps have no name but their place.
        <li key={`${number}-${step.after_s ?? "end"}`}>
          {step.after_s === null || step.after_s === undefined
            ? t("policy.atShiftEnd")
            : t("policy.after", { seconds: step.after_s })}
          {": "}
          {step.targets.map((target) => t(`policy.target.${target}`)).join("、")}
        </li>
      ))}
      {not_on_spot && <li className="policy-note">{t("policy.spot", { minutes: Math.round(not_on_spot.after_s / 60) })}</li>}
      {second_person && <li className="policy-note">{t("policy.second")}</li>}
      {family_notice && <li className="policy-note">{t("policy.family")}</li>}
    </ol>
  );
}

function Retire({ policy, done }: { policy: Policy; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("shift");
  return (
    <AskButton
      label={t("policy.retire")}
      title={t("policy.retireAsk", { name: policy.name })}
      onAnswer={async () => {
        const path = { policy_id: policy.id ?? "" };
        await answer(client.DELETE("/api/v1/duty/policies/{policy_id}", { params: { path } }));
        await done();
      }}
    />
  );
}
