import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { CallForm, TextField } from "../../shared/forms";
import { type Preview, SERVICE_KEYS, services, type Standing } from "./calls";

type Props = { id: string; version: number; dirty: boolean };

/** Whom the draft would touch from a day on; then, after a second look, it is published. */
export function PreviewPart({ id, version, dirty }: Props): ReactNode {
  const { t } = useTranslation("services");
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [from, setFrom] = useState("");
  const [seen, setSeen] = useState<{ from: string; version: number; preview: Preview } | null>(null);
  const look = async () => {
    setSeen({ from, version, preview: await services.preview(id, from) });
  };
  const publish = async (valid_from: string, touched: number, reason: string, until: string) => {
    await services.publish(id, { valid_from, touched, reason, version, ...(until !== "" && { valid_until: until }) });
    await queryClient.invalidateQueries({ queryKey: SERVICE_KEYS.sets });
    void navigate("/care/services/rules");
  };
  return (
    <>
      {dirty ? (
        <p role="status">{t("editor.stale")}</p>
      ) : (
        <CallForm title={t("editor.preview")} submit={t("editor.preview")} onSubmit={look} testId="rule-preview">
          <TextField label={t("editor.from")} type="date" value={from} onChange={setFrom} required testId="rule-from" />
        </CallForm>
      )}
      {seen?.version === version && !dirty && (
        <>
          <Seen preview={seen.preview} />
          <AskButton
            label={t("editor.publish")}
            title={t("editor.publishAsk", { from: seen.from, touched: seen.preview.touched })}
            testId="publish-rules"
            questions={[
              { name: "reason", label: t("editor.reason"), required: true, multiline: true },
              { name: "until", label: t("editor.until"), type: "date" },
            ]}
            onAnswer={({ reason = "", until = "" }) => publish(seen.from, seen.preview.touched, reason, until)}
          />
        </>
      )}
    </>
  );
}

function Seen({ preview }: { preview: Preview }): ReactNode {
  const { t, i18n } = useTranslation("services");
  const move = (row: { before: Standing | null; after: Standing | null }) =>
    t("changes.move", { before: t(`standing.${row.before ?? "none"}`), after: t(`standing.${row.after ?? "none"}`) });
  const names = new Map(preview.counts.map((row) => [row.service, i18n.language === "zh" ? row.name : row.name_en]));
  return (
    <div data-testid="rule-seen">
      <p role="status">{t("editor.elders", { elders: preview.elders, touched: preview.touched })}</p>
      <DataTable
        title={t("editor.preview")}
        rows={preview.counts}
        rowKey={(row) => `${row.service} ${row.before} ${row.after}`}
        empty={t("editor.nobody")}
        columns={[
          { title: t("changes.service"), cell: (row) => names.get(row.service) },
          { title: t("rules.state"), cell: move },
          { title: t("tasks.elder"), cell: (row) => t("editor.count", { count: row.count }) },
        ]}
      />
      {preview.people.length > 0 && (
        <DataTable
          title={t("editor.people")}
          rows={preview.people}
          rowKey={(row) => `${row.elder_id} ${row.service}`}
          empty=""
          columns={[
            { title: t("tasks.elder"), cell: (row) => <Link to={`/care/elders/${row.elder_id}`}>{row.elder_name}</Link> },
            { title: t("changes.service"), cell: (row) => names.get(row.service) },
            { title: t("rules.state"), cell: move },
          ]}
        />
      )}
      {preview.unseen > 0 && <p>{t("editor.unseen", { count: preview.unseen })}</p>}
    </div>
  );
}
