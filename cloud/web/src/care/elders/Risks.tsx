import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { ELDER_KEYS, elders, type RiskIn } from "./calls";
import type { Part } from "./ElderRecordPage";

const LEVELS: readonly RiskIn["level"][] = ["not_assessed", "none", "watch", "high"];

/** The nine service-safety risks; what was never assessed is an open task. */
export function Risks({ id, may, done }: Part): ReactNode {
  const { t } = useTranslation("elders");
  const { data } = useQuery({ queryKey: ELDER_KEYS.part(id, "risks"), queryFn: () => elders.risks(id) });
  const [risk, setRisk] = useState<RiskIn["risk"]>("fall");
  const [level, setLevel] = useState<RiskIn["level"]>("none");
  const [measures, setMeasures] = useState("");
  const [owner, setOwner] = useState("");
  const [review, setReview] = useState("");
  const rows = data?.risks ?? [];
  const assess = async () => {
    const version = rows.find((row) => row.risk === risk)?.version ?? 0;
    await elders.assess(id, { risk, level, measures, owner, review_on: review || null, version }).then(done);
  };
  const needsPlan = level === "watch" || level === "high";
  return (
    <>
      <DataTable
        title={t("risks")}
        rows={rows}
        rowKey={(row) => row.risk}
        empty={t("noFacts")}
        columns={[
          { title: t("risk"), cell: (row) => row.name_zh },
          {
            title: t("level"),
            cell: (row) => (
              <>
                {t(`riskLevel.${row.level}`)} {row.is_due && <strong>{t("due")}</strong>}
              </>
            ),
          },
          { title: t("measures"), cell: (row) => row.measures },
          { title: t("owner"), cell: (row) => row.owner },
          { title: t("review"), cell: (row) => row.review_on ?? "" },
        ]}
      />
      {may("records_write") && (
        <CallForm title={t("assess")} submit={t("save")} onSubmit={assess}>
          <SelectField
            label={t("risk")}
            value={risk}
            onChange={(value) => setRisk(value as RiskIn["risk"])}
            options={rows.map((row) => ({ value: row.risk, label: row.name_zh }))}
          />
          <SelectField
            label={t("level")}
            value={level}
            onChange={(value) => setLevel(value as RiskIn["level"])}
            options={LEVELS.map((value) => ({ value, label: t(`riskLevel.${value}`) }))}
          />
          <TextField label={t("measures")} value={measures} onChange={setMeasures} required={needsPlan} multiline />
          <TextField label={t("owner")} value={owner} onChange={setOwner} required={needsPlan} />
          <TextField label={t("review")} value={review} onChange={setReview} type="date" required={needsPlan} />
        </CallForm>
      )}
    </>
  );
}
