import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { CallForm, ChecksField, TextField } from "../../shared/forms";
import { HANDOVER_KEYS, notes } from "./calls";

/** What carers have seen of one elder; what is written stays. */
export function Notes({ id, writes }: { id: string; writes: boolean }): ReactNode {
  const { t } = useTranslation("handover");
  const queryClient = useQueryClient();
  const [own, setOwn] = useState(() => crypto.randomUUID());
  const [text, setText] = useState("");
  const [flags, setFlags] = useState<string[]>([]);
  const { data } = useQuery({ queryKey: HANDOVER_KEYS.notes(id), queryFn: () => notes.of(id) });
  const send = async () => {
    await notes.add(id, { id: own, text, important: flags.includes("important") });
    setOwn(crypto.randomUUID());
    setText("");
    setFlags([]);
    await queryClient.invalidateQueries({ queryKey: HANDOVER_KEYS.notes(id) });
  };
  return (
    <>
      <DataTable
        title={t("notes")}
        rows={data?.notes ?? []}
        rowKey={(row) => row.id}
        empty={t("noNotes")}
        columns={[
          { title: t("noteAt"), cell: (row) => dayAndClock(row.at) },
          { title: t("noteBy"), cell: (row) => row.by },
          {
            title: t("what"),
            cell: (row) => (
              <>
                {row.important && <strong>{t("urgent")} </strong>}
                {row.text}
              </>
            ),
          },
        ]}
      />
      {writes && (
        <CallForm title={t("note.title")} submit={t("note.submit")} onSubmit={send} testId="elder-note">
          <TextField label={t("note.text")} value={text} onChange={setText} multiline required hint={t("note.hint")} />
          <ChecksField label={t("urgent")} value={flags} onChange={setFlags} options={[{ value: "important", label: t("note.important") }]} />
        </CallForm>
      )}
    </>
  );
}
