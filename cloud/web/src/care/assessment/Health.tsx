import Button from "antd/es/button";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";

import type { Draft, Form } from "./api";
import { COMA, DEMENTIA, EMPTY_AROUND, problemsOf } from "./health";

type Around = Draft["around"];
type Medicine = NonNullable<Around["medicines"]>[number];
type Props = { draft: Draft; change: (changes: Partial<Draft>) => void; form: Form };

/** A.4 and A.5: diagnoses, medicines, health problems. A coma and dementia count for the level. */
export function Health({ draft, change, form }: Props): ReactNode {
  const { t } = useTranslation("care");
  // Kept on the device by a version that did not know of it.
  const around = (draft as Partial<Draft>).around ?? EMPTY_AROUND;
  const set = (changes: Partial<Around>) => change({ around: { ...around, ...changes } });
  const note = (name: string, text: string) => set({ notes: { ...around.notes, [name]: text } });
  return (
    <details className="health" data-testid="health">
      <summary>{t("health.title")}</summary>
      <p>{t("health.hint")}</p>
      <Diagnoses around={around} form={form} set={set} note={note} />
      <Medicines medicines={around.medicines ?? []} set={(medicines) => set({ medicines })} />
      <div className="items">
        {problemsOf(form).map((problem) => (
          <fieldset key={problem.code} className="item">
            <legend>
              {problem.code} {problem.zh}
              {problem.code === COMA && ` · ${t("health.counts")}`}
            </legend>
            {problem.options.map((option) => {
              const chosen = around.problems?.[problem.code] ?? [];
              return (
                <label key={option} className="option">
                  <input
                    type={problem.several ? "checkbox" : "radio"}
                    name={problem.code}
                    checked={chosen.includes(option)}
                    onChange={() => set({ problems: { ...around.problems, [problem.code]: picked(chosen, option, problem.several) } })}
                  />
                  <span>{option}</span>
                </label>
              );
            })}
            <Note label={t("health.note", { of: problem.zh })} value={around.notes?.[problem.code] ?? ""} onChange={(text) => note(problem.code, text)} />
          </fieldset>
        ))}
      </div>
    </details>
  );
}

const NONE = "无";

/** Nothing beside "none". */
function picked(chosen: readonly string[], option: string, several: boolean): string[] {
  if (!several || option === NONE) return chosen.includes(option) && several ? [] : [option];
  const others = chosen.filter((one) => one !== NONE && one !== option);
  return chosen.includes(option) ? others : [...others, option];
}

function Note({ label, value, onChange }: { label: string; value: string; onChange: (text: string) => void }): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} value={value} maxLength={200} onChange={({ target }) => onChange(target.value)} />
    </div>
  );
}

type DiagnosesProps = { around: Around; form: Form; set: (changes: Partial<Around>) => void; note: (name: string, text: string) => void };

function Diagnoses({ around, form, set, note }: DiagnosesProps): ReactNode {
  const { t } = useTranslation("care");
  const chosen = around.diagnoses ?? [];
  return (
    <fieldset className="item">
      <legend>{t("health.diagnoses")}</legend>
      <div className="items">
        {form.form.A4_diagnoses.map(([code, zh]) => (
          <label key={code} className="option">
            <input
              type="checkbox"
              checked={chosen.includes(code)}
              onChange={() => set({ diagnoses: chosen.includes(code) ? chosen.filter((one) => one !== code) : [...chosen, code] })}
            />
            <span>
              {zh}（{code}）{code === DEMENTIA && ` · ${t("health.counts")}`}
            </span>
          </label>
        ))}
      </div>
      <Note label={t("health.otherDiagnoses")} value={around.notes?.diagnoses ?? ""} onChange={(text) => note("diagnoses", text)} />
    </fieldset>
  );
}

function Medicines({ medicines, set }: { medicines: readonly Medicine[]; set: (medicines: Medicine[]) => void }): ReactNode {
  const { t } = useTranslation("care");
  const put = (position: number, changes: Partial<Medicine>) =>
    set(medicines.map((one, at) => (at === position ? { ...one, ...changes } : one)));
  return (
    <fieldset className="item">
      <legend>{t("health.medicines")}</legend>
      {medicines.map((one, position) => (
        <div key={position} className="signatures">
          <Note label={t("health.medicine")} value={one.name} onChange={(name) => put(position, { name })} />
          <Note label={t("health.route")} value={one.route} onChange={(route) => put(position, { route })} />
          <Note label={t("health.dose")} value={one.dose} onChange={(dose) => put(position, { dose })} />
          <Note label={t("health.frequency")} value={one.frequency} onChange={(frequency) => put(position, { frequency })} />
          <Button onClick={() => set(medicines.filter((_, at) => at !== position))}>{t("health.removeMedicine")}</Button>
        </div>
      ))}
      <Button onClick={() => set([...medicines, { name: "", route: "", dose: "", frequency: "" }])}>{t("health.addMedicine")}</Button>
    </fieldset>
  );
}
