import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { SelectField, TextField, toIso } from "../../shared/forms";
import { type IncidentIn, INJURIES, type Injury, type Kind, KINDS } from "./calls";

export type Told = {
  kind: Kind; happened: string; place: string; description: string; injury: string; cause: string; measure: string;
  followUp: string; followUpOn: string;
};

/** As the API takes it. */
export const toldIn = (told: Told): Omit<IncidentIn, "id" | "elder_id" | "separate"> => ({
  kind: told.kind, happened_at: toIso(told.happened), place: told.place.trim(), description: told.description.trim(),
  injury: (told.injury || null) as Injury | null, cause: told.cause.trim() || null, measure: told.measure.trim() || null,
  follow_up: told.followUp.trim(), follow_up_on: told.followUpOn || null,
});

type Props = { told: Told; change: (told: Told) => void; fixed?: boolean };

/** What happened; `fixed`: kind and time are an alert's. */
export function IncidentFields({ told, change, fixed = false }: Props): ReactNode {
  const { t } = useTranslation("safety");
  const set = (name: keyof Told) => (value: string) => change({ ...told, [name]: value });
  return (
    <>
      {fixed ? (
        <p>{t("incidents.byAlertNote")}</p>
      ) : (
        <>
          <SelectField label={t("incidents.kind")} value={told.kind} onChange={set("kind")} testId="incident-kind"
            options={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))} />
          <TextField label={t("incidents.at")} type="datetime-local" value={told.happened} onChange={set("happened")} required />
        </>
      )}
      <TextField label={t("incidents.place")} value={told.place} onChange={set("place")} />
      <SelectField label={t("incidents.injury")} value={told.injury} onChange={set("injury")} testId="incident-injury"
        options={[{ value: "", label: t("incidents.notYet") }, ...INJURIES.map((value) => ({ value, label: t(`injury.${value}`) }))]} />
      <TextField label={t("incidents.description")} value={told.description} onChange={set("description")} multiline testId="incident-description" />
      <TextField label={t("incidents.cause")} value={told.cause} onChange={set("cause")} multiline testId="incident-cause" />
      <TextField label={t("incidents.measure")} value={told.measure} onChange={set("measure")} multiline testId="incident-measure" />
      <TextField label={t("incidents.followUp")} value={told.followUp} onChange={set("followUp")} testId="incident-follow-up" />
      <TextField label={t("incidents.followUpOn")} type="date" value={told.followUpOn} onChange={set("followUpOn")} testId="incident-follow-up-on" />
    </>
  );
}
