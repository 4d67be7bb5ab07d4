import type { Assessment, Draft } from "./api";
import { EMPTY_AROUND } from "./health";

/** Reasons of the form (A.1): the two that a new assessment begins with. */
export const REASON = { first: 1, routine: 2 } as const;

export const newDraft = (reason: number, today: string): Draft => ({
  version: 0,
  reason,
  reason_note: "",
  reference_date: today,
  answers: {},
  circumstances: {
    coma: false,
    dementia_confirmed: false,
    mental_disorder_by_psychiatrist: false,
    risk_events: {},
  },
  informant: { name: "", relationship: "", signed: false },
  assessors: ["", ""],
  contested: [],
  around: EMPTY_AROUND,
});

/** A draft of the server, to go on with here. */
export const draftOf = (saved: Assessment): Draft => ({
  version: saved.version,
  reason: saved.reason,
  reason_note: saved.reason_note,
  reference_date: saved.reference_date,
  answers: saved.answers,
  circumstances: saved.circumstances,
  informant: saved.informant,
  assessors: saved.assessors.length === 2 ? saved.assessors : ["", "", ...saved.assessors].slice(-2),
  contested: saved.contested,
  around: saved.around,
});
