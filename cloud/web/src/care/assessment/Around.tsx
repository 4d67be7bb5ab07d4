import Input from "antd/es/input";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";

import type { Draft, Form } from "./api";

type Part = { draft: Draft; change: (changes: Partial<Draft>) => void };

const EVENTS = ["fall", "wander", "choke", "suicide_self_harm", "other"] as const;
const COUNTS = [0, 1, 2, 3] as const;

/** A.1: why and for which day. */
export function Head({ draft, change, form }: Part & { form: Form }): ReactNode {
  const { t, i18n } = useTranslation("care");
  const reasonId = useId();
  const dateId = useId();
  return (
    <div className="form-head">
      <label htmlFor={reasonId}>{t("form.reason")}</label>
      <select id={reasonId} value={draft.reason} onChange={(event) => change({ reason: Number(event.target.value) })}>
        {form.assessment_reasons.map((reason) => (
          <option key={reason.code} value={reason.code}>
            {i18n.language === "zh" ? reason.zh : reason.en}
          </option>
        ))}
      </select>
      <label htmlFor={dateId}>{t("form.date")}</label>
      <input
        id={dateId}
        type="date"
        value={draft.reference_date}
        onChange={(event) => event.target.value !== "" && change({ reference_date: event.target.value })}
      />
    </div>
  );
}

/** What changes the level: care-risk events, coma, diagnoses. */
export function Circumstances({ draft, change }: Part): ReactNode {
  const { t } = useTranslation("care");
  const around = draft.circumstances;
  const set = (changes: Partial<Draft["circumstances"]>) => change({ circumstances: { ...around, ...changes } });
  const flags = [
    ["coma", t("form.coma")],
    ["dementia_confirmed", t("form.dementia")],
    ["mental_disorder_by_psychiatrist", t("form.mental")],
  ] as const;
  return (
    <section aria-labelledby="circumstances">
      <h3 id="circumstances" className="domain-head">
        {t("form.circumstances")}
      </h3>
      <div className="items">
        <fieldset className="item">
          <legend>{t("form.events")}</legend>
          {EVENTS.map((event) => (
            <label key={event} className="count">
              <span>{t(`form.${event}`)}</span>
              <select
                value={around.risk_events?.[event] ?? 0}
                onChange={({ target }) => set({ risk_events: { ...around.risk_events, [event]: Number(target.value) } })}
              >
                {COUNTS.map((count) => (
                  <option key={count} value={count}>
                    {t(`form.count${count}`)}
                  </option>
                ))}
              </select>
            </label>
          ))}
        </fieldset>
        <fieldset className="item">
          <legend>{t("form.circumstances")}</legend>
          {flags.map(([name, label]) => (
            <label key={name} className="option">
              <input type="checkbox" checked={around[name]} onChange={({ target }) => set({ [name]: target.checked })} />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
      </div>
    </section>
  );
}

function Field({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <Input id={id} value={value} maxLength={200} onChange={(event) => onChange(event.target.value)} />
    </div>
  );
}

/** Two assessors, and whoever gave the information. */
export function Signatures({ draft, change }: Part): ReactNode {
  const { t } = useTranslation("care");
  const { informant, assessors } = draft;
  const [first = "", second = ""] = assessors;
  const inform = (changes: Partial<Draft["informant"]>) => change({ informant: { ...informant, ...changes } });
  return (
    <section aria-labelledby="signatures">
      <h3 id="signatures" className="domain-head">
        {t("form.people")}
      </h3>
      <div className="signatures">
        <Field label={t("form.assessor1")} value={first} onChange={(value) => change({ assessors: [value, second] })} />
        <Field label={t("form.assessor2")} value={second} onChange={(value) => change({ assessors: [first, value] })} />
        <Field label={t("form.informant")} value={informant.name} onChange={(name) => inform({ name })} />
        <Field label={t("form.relationship")} value={informant.relationship} onChange={(relationship) => inform({ relationship })} />
        <label className="option">
          <input type="checkbox" checked={informant.signed} onChange={({ target }) => inform({ signed: target.checked })} />
          <span>{t("form.signed")}</span>
        </label>
      </div>
    </section>
  );
}
