import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { fieldWord, valueWord } from "../../shared/fieldWords";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { ELDER_KEYS, elders, type FactIn } from "./calls";
import type { Part } from "./ElderRecordPage";

const FLAGS = ["lives_alone", "empty_nest", "children_away", "no_kin"] as const;
type Value = FactIn["value"];

/** The four living flags, and the fields of the service list, each with its source and its date. */
export function Facts({ id, page, may, done }: Part): ReactNode {
  const { t } = useTranslation("elders");
  const { t: fieldWords } = useTranslation("fields");
  const { data: words } = useQuery({ queryKey: ELDER_KEYS.vocabulary, queryFn: elders.vocabulary, staleTime: Infinity });
  const [field, setField] = useState("economic_status");
  const [text, setText] = useState("");
  const [source, setSource] = useState("");
  const [asOf, setAsOf] = useState("");
  const told = (value: Value): string =>
    value === true ? t("yes") : value === false ? t("no") : valueWord(fieldWords, value);
  const label = (key: string): string => {
    const flag = FLAGS.find((each) => each === key);
    return flag === undefined ? fieldWord(fieldWords, key) : t(`flag.${flag}`);
  };
  const values = words?.fields.find((each) => each.field === field)?.values ?? [];
  const chosen = values.find((value) => String(value) === text) ?? values[0];
  const save = async () => {
    await elders.addFact(id, { field, value: chosen ?? text, source, as_of: asOf }).then(done);
  };
  return (
    <section aria-labelledby="living-flags">
      <h2 id="living-flags">{t("flags")}</h2>
      <dl className="facts">
        {FLAGS.map((flag) => (
          <div key={flag} style={{ display: "contents" }}>
            <dt>{t(`flag.${flag}`)}</dt>
            <dd>{told(page.record.living_flags[flag] ?? "unknown")}</dd>
          </div>
        ))}
      </dl>
      <DataTable
        title={t("facts")}
        rows={page.record.facts}
        rowKey={(row) => row.field}
        empty={t("noFacts")}
        columns={[
          { title: t("field"), cell: (row) => label(row.field) },
          { title: t("value"), cell: (row) => told(row.value) },
          { title: t("source"), cell: (row) => row.source },
          { title: t("asOf"), cell: (row) => row.as_of },
        ]}
      />
      {may("records_write") && (
        <CallForm title={t("addFact")} submit={t("save")} onSubmit={save}>
          <SelectField
            label={t("field")}
            value={field}
            onChange={setField}
            options={(words?.fields ?? []).map((each) => ({ value: each.field, label: label(each.field) }))}
          />
          {values.length > 0 ? (
            <SelectField
              label={t("value")}
              value={String(chosen)}
              onChange={setText}
              options={values.map((value) => ({ value: String(value), label: told(value) }))}
            />
          ) : (
            <TextField label={t("value")} value={text} onChange={setText} required />
          )}
          <TextField label={t("source")} value={source} onChange={setSource} required />
          <TextField label={t("asOf")} value={asOf} onChange={setAsOf} type="date" required />
        </CallForm>
      )}
    </section>
  );
}
