import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { ActionButton, CallForm, SelectField, TextField } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { type RuleSet, SERVICE_KEYS, services } from "./calls";

/** The national list and what districts make of it. */
export function RulesPage(): ReactNode {
  const { t } = useTranslation("services");
  const { t: common } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const { data, failureReason } = useQuery({ queryKey: SERVICE_KEYS.sets, queryFn: services.sets });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  const next = async (id: string) => {
    const made = await services.next(id);
    await queryClient.invalidateQueries({ queryKey: SERVICE_KEYS.sets });
    if (made.id !== null) void navigate(made.id);
  };
  const state = (set: RuleSet) => {
    if (set.id !== null && set.published_at === null) return t("rules.draft");
    const said = set.valid_until === null ? "rules.validity" : "rules.validityUntil";
    return t(said, { from: set.valid_from, until: set.valid_until });
  };
  return (
    <>
      <p>{t("rules.hint")}</p>
      <DataTable
        title={t("rules.title")}
        rows={data.sets}
        rowKey={(set) => set.id ?? set.key}
        empty={t("rules.empty")}
        columns={[
          {
            title: t("rules.name"),
            cell: (set) => (
              <>
                {set.title}
                {set.edition > 0 && ` · ${t("rules.edition", { edition: set.edition })}`}
              </>
            ),
          },
          { title: t("rules.region"), cell: (set) => set.region ?? "–" },
          { title: t("rules.state"), cell: state },
          {
            title: t("rules.by", { by: "", reason: "" }),
            cell: (set) => (set.published_by === null ? "–" : t("rules.by", { by: set.published_by, reason: set.reason })),
          },
          {
            title: t("rules.edit"),
            cell: (set) => {
              if (set.id === null) return "–";
              const id = set.id;
              return set.published_at === null ? (
                <Link to={id}>{t("rules.edit")}</Link>
              ) : (
                <ActionButton label={t("rules.next")} onPress={() => next(id)} />
              );
            },
          },
        ]}
      />
      <NewSet sets={data.sets} />
    </>
  );
}

function NewSet({ sets }: { sets: readonly RuleSet[] }): ReactNode {
  const { t } = useTranslation("services");
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [title, setTitle] = useState("");
  const [region, setRegion] = useState("");
  const [base, setBase] = useState(sets[0]?.key ?? "");
  const bases = new Map(sets.map((set) => [set.key, set.title]));
  const begin = async () => {
    const made = await services.add({
      title, region: region === "" ? null : region, extends: base, services: [], parameters: {}, version: 0,
    });
    await queryClient.invalidateQueries({ queryKey: SERVICE_KEYS.sets });
    if (made.id !== null) void navigate(made.id);
  };
  return (
    <CallForm title={t("rules.new")} submit={t("rules.begin")} onSubmit={begin} testId="new-rules">
      <TextField label={t("rules.name")} value={title} onChange={setTitle} required testId="rules-title" />
      <TextField label={t("rules.region")} value={region} onChange={setRegion} />
      <SelectField
        label={t("rules.extends")}
        value={base}
        onChange={setBase}
        options={[...bases].map(([value, label]) => ({ value, label }))}
      />
    </CallForm>
  );
}
