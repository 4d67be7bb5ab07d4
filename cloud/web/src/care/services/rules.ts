import type { FieldValue, Wanted } from "../../shared/fieldWords";

/** A comparison as it stands in a rule set. */
export type Comparison = { field: string; op: string; value: Wanted };
/** Groups hold comparisons; deeper rules are shown and left as they are. */
export type Condition = Comparison | { all: Condition[] } | { any: Condition[] };

/** A service of a rule set as the editor holds it. */
export type Service = {
  key: string;
  zh: string;
  en: string;
  category: string;
  target_zh: string;
  hub_use: string;
  status: string;
  eligibility: Condition;
  excludes?: string[];
};
export type Removed = { key: string; removed: true };
export type Entry = Service | Removed;

/** What is edited as rows: every group must hold, and of a group any row. */
export type Groups = readonly (readonly Comparison[])[];

const isComparison = (condition: Condition): condition is Comparison => "field" in condition;

/** As rows; null: nested deeper than rows can show. */
export function groupsOf(condition: Condition): Groups | null {
  const parts = "all" in condition ? condition.all : [condition];
  const groups: Comparison[][] = [];
  for (const part of parts) {
    if (isComparison(part)) groups.push([part]);
    else if ("any" in part && part.any.every(isComparison)) groups.push(part.any.filter(isComparison));
    else return null;
  }
  return groups;
}

/** Rows as a condition again; groups without a row are left out. */
export function conditionOf(groups: Groups): Condition {
  const parts = groups
    .filter((group) => group.length > 0)
    .map((group): Condition => (group.length === 1 && group[0] !== undefined ? group[0] : { any: [...group] }));
  return { all: parts };
}

/** What was typed, in the kind the field takes. */
export function typed(text: string, numeric: boolean): FieldValue {
  if (text === "true" || text === "false") return text === "true";
  return numeric && /^\d+$/.test(text) ? Number(text) : text;
}
