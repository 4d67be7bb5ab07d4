/** A policy as the form holds it: texts, until it is sent. */
import type { components } from "../api/schema";

export type Policy = components["schemas"]["PolicyOut"];
export type PolicyIn = components["schemas"]["PolicyIn"];
export type Target = PolicyIn["body"]["steps"][number]["targets"][number];

export const TARGETS: readonly Target[] = [
  "unit_duty", "on_shift", "head_nurse", "manager", "family_home", "helpers", "any_head_nurse", "any_manager", "any_operator",
]; // prettier-ignore

export type DraftStep = { id: number; after: string; targets: Target[] };
export type Draft = {
  name: string;
  priority: PolicyIn["priority"];
  unit: string;
  elder: string;
  shift: string;
  steps: DraftStep[];
  spotMinutes: string;
  homeMinutes: string;
  marks: string[];
};

/** Empty: at the end of the shift. */
const textOf = (seconds: number | null | undefined): string =>
  seconds === null || seconds === undefined ? "" : String(seconds);

export const NEW_DRAFT: Draft = {
  name: "",
  priority: "high",
  unit: "",
  elder: "",
  shift: "",
  steps: [{ id: 0, after: "0", targets: ["unit_duty"] }],
  spotMinutes: "5",
  homeMinutes: "15",
  marks: ["family"],
};

export function draftOf(policy: Policy): Draft {
  const { body } = policy;
  const spot = body.not_on_spot ?? null;
  return {
    name: policy.id === null ? "" : policy.name,
    priority: policy.priority,
    unit: policy.unit_id ?? "",
    elder: policy.elder_id ?? "",
    shift: policy.shift ?? "",
    steps: body.steps.map((step, id) => ({ id, after: textOf(step.after_s), targets: [...step.targets] })),
    spotMinutes: spot === null ? "" : String(spot.after_s / 60),
    homeMinutes: spot === null ? "" : String(spot.after_home_s / 60),
    marks: [body.second_person ? "second" : "", body.family_notice ? "family" : ""].filter(Boolean),
  };
}

/** What the API takes; it says itself what is wrong with it. */
export function bodyOf(draft: Draft): PolicyIn {
  const spot = draft.spotMinutes.trim();
  return {
    name: draft.name.trim(),
    priority: draft.priority,
    unit_id: draft.unit || null,
    elder_id: draft.elder || null,
    shift: draft.shift.trim() || null,
    body: {
      steps: draft.steps.map(({ after, targets }) => ({
        targets,
        call_out: false,
        ...(after.trim() === "" ? { at: "shift_end" as const } : { after_s: Number(after) }),
      })),
      not_on_spot:
        spot === ""
          ? null
          : {
              after_s: Number(spot) * 60,
              after_home_s: Number(draft.homeMinutes.trim() || spot) * 60,
              targets: ["head_nurse"],
            },
      second_person: draft.marks.includes("second"),
      family_notice: draft.marks.includes("family"),
    },
  };
}
