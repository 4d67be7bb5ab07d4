import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api, client } from "../../api/client";
import { KEYS } from "../../api/queries";
import type { components } from "../../api/schema";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { DataTable } from "../../shared/DataTable";
import { shortTime } from "../../shared/time";

type Drill = components["schemas"]["DrillOut"];

const CODES = ["fall_confirmed", "sos", "inactivity", "bath_dwell", "bed_exit_no_return", "smoke"] as const;
const SHOWN = 5;

/** A drill on the real floor: it rings at the real desk, and says everywhere that it is a drill. */
export function DrillForm(): ReactNode {
  const { t } = useTranslation("simulator");
  const { t: common } = useTranslation();
  const queries = useQueryClient();
  const [elder, setElder] = useState("");
  const [code, setCode] = useState<string>(CODES[0]);
  const [told, setTold] = useState("yes");
  const [note, setNote] = useState("");
  const [begun, setBegun] = useState<readonly Drill[]>([]);
  // An operator reads no records: who lives where is known from coverage.
  const { data } = useQuery({ queryKey: KEYS.coverage, queryFn: api.coverage });
  const start = async () => {
    const body = { elder_id: elder, code, announced: told === "yes", note: note.trim() };
    const list = await answer(client.POST("/api/v1/duty/drills", { body }));
    setBegun(list.drills.slice(0, SHOWN));
    setNote("");
    await queries.invalidateQueries({ queryKey: ["drills"] });
  };
  return (
    <details className="sim-drill" data-testid="sim-drill">
      <summary data-testid="sim-drill-open">{t("drill.title")}</summary>
      <p className="sim-drill-mark" role="note">
        <strong>{t("drill.mark")}</strong> {t("drill.markText")}
      </p>
      <CallForm title={t("drill.title")} submit={t("drill.start")} done={t("begun")} onSubmit={start} testId="sim-start-drill">
        <SelectField
          label={t("drill.elder")}
          value={elder}
          onChange={setElder}
          required
          testId="sim-drill-elder"
          options={[
            { value: "", label: common("form.choose") },
            ...(data?.elders ?? []).map((one) => ({
              value: one.elder_id,
              label: [one.place, one.elder_name].filter(Boolean).join(" · "),
            })),
          ]}
        />
        <SelectField
          label={t("drill.code")}
          value={code}
          onChange={setCode}
          options={CODES.map((value) => ({ value, label: common(`code.${value}`) }))}
        />
        <SelectField
          label={t("drill.told")}
          value={told}
          onChange={setTold}
          options={[
            { value: "yes", label: t("drill.toldYes") },
            { value: "no", label: t("drill.toldNo") },
          ]}
        />
        <TextField label={t("drill.note")} value={note} onChange={setNote} />
      </CallForm>
      {begun.length > 0 && (
        <DataTable
          title={t("drill.begun")}
          rows={begun}
          rowKey={({ id }) => id}
          empty=""
          columns={[
            { title: t("when"), cell: (row) => shortTime(row.started_at) },
            { title: t("drill.shift"), cell: (row) => row.shift },
            { title: t("drill.note"), cell: (row) => row.note },
            {
              title: t("drill.answered"),
              cell: (row) => (row.acknowledged_s === null ? t("drill.notYet") : t("seconds", { s: row.acknowledged_s.toFixed(0) })),
            },
          ]}
        />
      )}
    </details>
  );
}
