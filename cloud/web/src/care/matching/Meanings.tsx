import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { valueWord } from "../../shared/fieldWords";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { type List, LIST_KEYS, lists, type Value } from "./calls";

/** What each category of the list is in the record's own values. */
export function Meanings({ list }: { list: List }): ReactNode {
  const { t } = useTranslation("matching");
  const { t: words } = useTranslation("fields");
  const queryClient = useQueryClient();
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const open = list.meanings.some(({ value }) => value === null);
  const of = (status: string, value: Value) => chosen[status] ?? (value === null ? "" : String(value));
  const save = async () => {
    const meanings = list.meanings.map(({ status, value }) => {
      const text = of(status, value);
      const known = list.values.find((each) => String(each) === text);
      return { status, value: text === "" ? null : (known ?? text) };
    });
    await lists.setMeanings(list.id, { meanings, version: list.version });
    await queryClient.invalidateQueries({ queryKey: LIST_KEYS.list(list.id) });
  };
  return (
    <details open={open} data-testid="meanings">
      <summary>{t("meanings")}</summary>
      <CallForm title={t("meanings")} submit={t("saveMeanings")} onSubmit={save}>
        <p>{t("meaningsHint")}</p>
        {list.meanings.map(({ status, value }) => {
          const shared = {
            label: status === "" ? t("noCategory") : status,
            value: of(status, value),
            onChange: (text: string) => setChosen({ ...chosen, [status]: text }),
          };
          return list.values.length === 0 ? (
            <TextField key={status} {...shared} />
          ) : (
            <SelectField
              key={status}
              {...shared}
              options={[
                { value: "", label: t("notTaken") },
                ...list.values.map((each) => ({ value: String(each), label: valueWord(words, each) })),
              ]}
            />
          );
        })}
      </CallForm>
    </details>
  );
}
