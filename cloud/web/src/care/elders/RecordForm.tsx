import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "../../shared/explain";
import { CallForm, ChecksField, SelectField, TextField } from "../../shared/forms";
import { ELDER_KEYS, type ElderIn, elders } from "./calls";
import type { Part } from "./ElderRecordPage";

const split = (text: string): string[] =>
  text
    .split(/[,，、]/)
    .map((each) => each.trim())
    .filter(Boolean);
const number = (text: string): number | null => (text.trim() === "" ? null : Number(text));

/** The basic fields of the record (part A2 of the assessment form) and what carers must know. */
export function RecordForm({ id, page, may, done }: Part): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common } = useTranslation();
  const { record } = page;
  const { data: words } = useQuery({ queryKey: ELDER_KEYS.vocabulary, queryFn: elders.vocabulary, staleTime: Infinity });
  const [draft, setDraft] = useState({
    name: record.name,
    birth: record.birth_date,
    sex: record.sex,
    note: record.care_note,
    citizen: "",
    phone: record.phone,
    height: record.height_cm?.toString() ?? "",
    weight: record.weight_kg?.toString() ?? "",
    education: record.education ?? "",
    marital: record.marital ?? "",
    ethnicity: record.ethnicity ?? "",
    religion: record.religion ?? "",
    living: record.living,
    payment: record.payment,
    income: record.income,
    languages: record.languages.join("，"),
    diagnoses: record.diagnoses.map(({ code }) => code),
    allergies: record.allergies.map(({ substance, severe }) => substance + (severe ? "！" : "")).join("，"),
  });
  const [failure, setFailure] = useState<string | null>(null);
  const set = <Key extends keyof typeof draft>(key: Key) => (value: (typeof draft)[Key]) =>
    setDraft((before) => ({ ...before, [key]: value }));
  const some = (values: readonly string[] | undefined) => (values ?? []).map((value) => ({ value, label: value }));
  const one = (values: readonly string[] | undefined) => [{ value: "", label: t("unknown") }, ...some(values)];
  const save = async () => {
    const notes = new Map(record.diagnoses.map(({ code, note }) => [code, note]));
    const body: ElderIn = {
      name: draft.name,
      sex: draft.sex,
      birth_date: draft.birth,
      care_note: draft.note,
      phone: draft.phone,
      citizen_number: draft.citizen.trim() === "" ? null : draft.citizen,
      height_cm: number(draft.height),
      weight_kg: number(draft.weight),
      education: draft.education || null,
      marital: draft.marital || null,
      ethnicity: draft.ethnicity || null,
      religion: draft.religion || null,
      living: draft.living,
      payment: draft.payment,
      income: draft.income,
      languages: split(draft.languages),
      diagnoses: draft.diagnoses.map((code) => ({ code, note: notes.get(code) ?? "" })),
      allergies: split(draft.allergies).map((each) => ({
        substance: each.replace(/[!！]$/, ""),
        severe: /[!！]$/.test(each),
        reaction: "",
      })),
    };
    await elders.change(id, record.version, body).then(done);
  };
  const sendPhoto = async (file: File | undefined) => {
    if (file === undefined) return;
    setFailure(null);
    try {
      await elders.photo(id, file).then(done);
    } catch (problem) {
      setFailure(explain(common, problem));
    }
  };
  if (!may("records_write"))
    return (
      <section aria-labelledby="record">
        <h2 id="record">{t("record")}</h2>
        <dl className="facts">
          <dt>{t("birth")}</dt>
          <dd>{record.birth_date}</dd>
          <dt>{t("citizenNumber")}</dt>
          <dd>{record.citizen_number ?? t("unknown")}</dd>
          <dt>{t("diagnoses")}</dt>
          <dd>{record.diagnoses.map(({ code }) => words?.diagnoses.find((d) => d.code === code)?.name ?? code).join("、") || t("unknown")}</dd>
          <dt>{t("allergies")}</dt>
          <dd>{draft.allergies || t("unknown")}</dd>
          <dt>{t("languages")}</dt>
          <dd>{draft.languages || t("unknown")}</dd>
        </dl>
      </section>
    );
  return (
    <>
      <CallForm title={t("record")} submit={t("save")} onSubmit={save} testId="record-form">
        <TextField label={t("name")} value={draft.name} onChange={set("name")} required />
        <SelectField
          label={t("sex")}
          value={draft.sex}
          onChange={(value) => set("sex")(value as typeof draft.sex)}
          options={[
            { value: "female", label: t("female") },
            { value: "male", label: t("male") },
          ]}
        />
        <TextField label={t("birth")} value={draft.birth} onChange={set("birth")} type="date" required />
        <TextField
          label={`${t("citizenNumber")}${record.citizen_number ? ` (${record.citizen_number})` : ""}`}
          value={draft.citizen}
          onChange={set("citizen")}
          hint={t("citizenHint")}
        />
        <TextField label={t("phone")} value={draft.phone} onChange={set("phone")} type="tel" />
        <TextField label={t("careNote")} value={draft.note} onChange={set("note")} multiline testId="care-note" />
        <TextField label={t("height")} value={draft.height} onChange={set("height")} type="number" />
        <TextField label={t("weight")} value={draft.weight} onChange={set("weight")} type="number" />
        <SelectField label={t("education")} value={draft.education} onChange={set("education")} options={one(words?.education)} />
        <SelectField label={t("marital")} value={draft.marital} onChange={set("marital")} options={one(words?.marital)} />
        <TextField label={t("ethnicity")} value={draft.ethnicity} onChange={set("ethnicity")} />
        <TextField label={t("religion")} value={draft.religion} onChange={set("religion")} />
        <TextField label={t("languages")} value={draft.languages} onChange={set("languages")} />
        <TextField label={t("allergies")} value={draft.allergies} onChange={set("allergies")} />
        <ChecksField label={t("living")} value={draft.living} onChange={set("living")} options={some(words?.living)} />
        <ChecksField label={t("payment")} value={draft.payment} onChange={set("payment")} options={some(words?.payment)} />
        <ChecksField label={t("income")} value={draft.income} onChange={set("income")} options={some(words?.income)} />
        <ChecksField
          label={t("diagnoses")}
          value={draft.diagnoses}
          onChange={set("diagnoses")}
          options={(words?.diagnoses ?? []).map(({ code, name }) => ({ value: code, label: name }))}
        />
      </CallForm>
      <div className="tools">
        <label>
          {t("changePhoto")}{" "}
          <input
            type="file"
            accept="image/jpeg,image/png,image/webp"
            onChange={(event) => void sendPhoto(event.target.files?.[0])}
          />
        </label>
        {failure !== null && <span role="alert">{failure}</span>}
      </div>
    </>
  );
}
