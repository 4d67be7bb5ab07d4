import type { Draft, Form } from "./api";

/** One entry of A.5; without options it is told in words. */
export type Problem = { code: string; zh: string; options: string[]; several: boolean };

export const COMA = "A.5.11";
export const DEMENTIA = "F00-F03";
export const EMPTY_AROUND: Draft["around"] = { diagnoses: [], medicines: [], problems: {}, notes: {} };

/* As cloud/care/assessment/around.py reads them: `A.5.3 伤口情况: 无/擦伤/... (multi)`. */
const ENTRY = /^(A\.5\.\d+) ([^:(]+?)\s*(?:\([^)]*\))?(?:: (.+?))?( \(multi.*)?$/;

/** The twelve entries, from the form's own list. */
export const problemsOf = (form: Form): Problem[] =>
  form.form.A5.flatMap((text) => {
    const found = ENTRY.exec(text);
    if (found === null) return [];
    const [, code = "", zh = "", options] = found;
    return [{ code, zh: zh.trim(), options: options?.split("/") ?? [], several: text.includes("multi") }];
  });
