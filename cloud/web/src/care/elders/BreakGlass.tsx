import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { answer, client } from "../../api/client";
import { explain } from "../../shared/explain";
import { CallForm, SelectField, TextField } from "../../shared/forms";

const MIN_QUERY = 2;

const open = (elder_id: string, reason: string) =>
  answer(client.POST("/api/v1/elders/{elder_id}/break-glass", { params: { path: { elder_id } }, body: { reason } }));

/** The reason to open this record for four hours. */
export function OpenRecord({ elderId, onOpened }: { elderId: string; onOpened: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("elders");
  const [reason, setReason] = useState("");
  const send = async () => {
    await open(elderId, reason);
    await onOpened();
  };
  return (
    <CallForm title={t("glass.title")} submit={t("glass.open")} onSubmit={send} testId="break-glass">
      <p>{t("glass.text")}</p>
      <TextField label={t("glass.reason")} value={reason} onChange={setReason} required multiline testId="glass-reason" />
    </CallForm>
  );
}

/** Find somebody of another unit and open their record with a reason. */
export function OpenOther(): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common } = useTranslation();
  const navigate = useNavigate();
  const [q, setQ] = useState("");
  const [chosen, setChosen] = useState("");
  const [reason, setReason] = useState("");
  const query = q.trim();
  const { data, failureReason } = useQuery({
    queryKey: ["break-glass", "elders", query],
    queryFn: () => answer(client.GET("/api/v1/break-glass/elders", { params: { query: { q: query } } })),
    enabled: query.length >= MIN_QUERY,
  });
  const send = async () => {
    await open(chosen, reason);
    void navigate(`/care/elders/${chosen}`);
  };
  return (
    <details>
      <summary>{t("glass.other")}</summary>
      <CallForm title={t("glass.title")} submit={t("glass.open")} onSubmit={send} testId="open-other">
        <p>{t("glass.text")}</p>
        <TextField
          label={t("glass.find")}
          type="search"
          value={q}
          onChange={(value) => {
            setQ(value);
            setChosen("");
          }}
          testId="glass-find"
        />
        {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
        <SelectField
          label={t("glass.whom")}
          value={chosen}
          onChange={setChosen}
          required
          testId="glass-whom"
          options={[
            { value: "", label: common("form.choose") },
            ...(data?.elders ?? []).map(({ id, name, place }) => ({ value: id, label: [name, place].filter(Boolean).join(" · ") })),
          ]}
        />
        <TextField label={t("glass.reason")} value={reason} onChange={setReason} required multiline testId="glass-reason" />
      </CallForm>
    </details>
  );
}
