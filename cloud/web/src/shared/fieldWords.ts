import type { TFunction } from "i18next";

export type FieldValue = string | number | boolean;
/** As a rule has it: one value, several, or a parameter that may not be set. */
export type Wanted = FieldValue | readonly FieldValue[] | { parameter: string } | null;
type Words = TFunction<"fields">;

/** What a field of the record is called. */
export const fieldWord = (t: Words, field: string): string => t(`name.${field as "age"}`, { defaultValue: field });

/** What a value of the record means. */
export function valueWord(t: Words, value: FieldValue | null | undefined): string {
  if (value === null || value === undefined) return t("value.unknown");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (typeof value === "number" || /^\d+$/.test(value)) return String(value);
  return t(`value.${value as "none"}`, { defaultValue: value });
}

function wantedWord(t: Words, wanted: Wanted): string {
  if (wanted === null) return t("unset");
  if (typeof wanted === "object") {
    return "parameter" in wanted ? `[${wanted.parameter}]` : wanted.map((each) => valueWord(t, each)).join(t("or"));
  }
  return valueWord(t, wanted);
}

/** A comparison as somebody would say it. */
export function conditionWords(t: Words, field: string, op: string, wanted: Wanted): string {
  const said = { field: fieldWord(t, field), value: wantedWord(t, wanted) };
  if (typeof wanted === "boolean") return t(wanted === (op === "=") ? "condition.yes" : "condition.no", said);
  return t(`condition.${op as "="}`, said);
}
