import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { fieldWord, valueWord } from "../../shared/fieldWords";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { type List, LIST_KEYS, lists, sendFile } from "./calls";

/** What has been imported, and the form of a new list. */
export function ListsPage(): ReactNode {
  const { t } = useTranslation("matching");
  const { t: common } = useTranslation();
  const { t: words } = useTranslation("fields");
  const { data, failureReason } = useQuery({ queryKey: LIST_KEYS.lists, queryFn: lists.all });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  const left = (list: List) => (list.undecided.changed ?? 0) + (list.undecided.gone ?? 0) + (list.undecided.conflict ?? 0);
  return (
    <>
      <p>{t("hint")}</p>
      <DataTable
        title={t("title")}
        rows={data.lists}
        rowKey={({ id }) => id}
        empty={t("none")}
        columns={[
          { title: t("source"), cell: (list) => <Link to={list.id}>{t("rowsOf", { source: list.source, as_of: list.as_of })}</Link> },
          { title: t("field"), cell: (list) => fieldWord(words, list.field) },
          { title: t("file"), cell: (list) => list.file_name },
          { title: t("section"), cell: (list) => (list.state === "ready" ? t("left", { count: left(list) }) : t(`state.${list.state}`)) },
        ]}
      />
      <NewList fields={data.fields} keepDays={data.keep_days} />
    </>
  );
}

type NewProps = { fields: Record<string, (string | number | boolean)[]>; keepDays: number };

function NewList({ fields, keepDays }: NewProps): ReactNode {
  const { t } = useTranslation("matching");
  const { t: words } = useTranslation("fields");
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [source, setSource] = useState("");
  const [field, setField] = useState("economic_status");
  const [listed, setListed] = useState("");
  const [purpose, setPurpose] = useState("");
  const [basis, setBasis] = useState("");
  const [asOf, setAsOf] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [share, setShare] = useState<number | null>(null);
  const values = fields[field] ?? [];
  const send = async () => {
    if (file === null) return;
    const value = values.find((each) => String(each) === listed);
    const made = await lists.add({
      source, field, purpose, legal_basis: basis, as_of: asOf, file_name: file.name, ...(value !== undefined && { listed: value }),
    });
    setShare(0);
    try {
      await sendFile(made.id, file, setShare);
    } finally {
      setShare(null);
    }
    await queryClient.invalidateQueries({ queryKey: LIST_KEYS.lists });
    void navigate(made.id);
  };
  return (
    <CallForm title={t("add")} submit={t("send")} onSubmit={send} testId="new-list">
      <TextField label={t("source")} value={source} onChange={setSource} required hint={t("sourceHint")} testId="list-source" />
      <SelectField
        label={t("field")}
        value={field}
        onChange={setField}
        options={Object.keys(fields).map((value) => ({ value, label: fieldWord(words, value) }))}
      />
      <SelectField
        label={t("listed")}
        value={listed}
        onChange={setListed}
        options={[
          { value: "", label: t("byCategory") },
          ...values.map((value) => ({ value: String(value), label: valueWord(words, value) })),
        ]}
      />
      <TextField label={t("asOf")} type="date" value={asOf} onChange={setAsOf} required testId="list-as-of" />
      <TextField label={t("purpose")} value={purpose} onChange={setPurpose} required testId="list-purpose" />
      <TextField label={t("basis")} value={basis} onChange={setBasis} required testId="list-basis" />
      <FileField onChange={setFile} />
      {share !== null && <Progress share={share} />}
      <p>{t("keep", { days: keepDays })}</p>
    </CallForm>
  );
}

/** A file of a list, and what must be in it. */
export function FileField({ onChange }: { onChange: (file: File | null) => void }): ReactNode {
  const { t } = useTranslation("matching");
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{t("file")}</label>
      <input
        id={id}
        type="file"
        accept=".csv,.txt,.xlsx"
        required
        data-testid="list-file"
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.files?.[0] ?? null)}
      />
      <small id={`${id}-hint`} className="field-hint">
        {t("fileHint")}
      </small>
    </div>
  );
}

export function Progress({ share }: { share: number }): ReactNode {
  const { t } = useTranslation("matching");
  const said = t("sending", { percent: Math.round(share * 100) });
  return (
    <p role="status">
      {said}
      <progress className="match-progress" value={share} max={1} aria-label={said} />
    </p>
  );
}
