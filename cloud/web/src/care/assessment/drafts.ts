/** Drafts on this device: what is filled in at a bedside is kept here first, and sent from here.
 *
 * A draft leaves the device when the server has it and it is closed, or when it is filed: what a
 * lost tablet could show is only what was never sent.
 */
import { CallFailure } from "../../api/failure";
import { assessmentApi, type Draft, type Form } from "./api";

export type Kept = {
  elderId: string;
  elderName: string;
  draft: Draft;
  /** Changes after `sent` was taken are not on the server. */
  changes: number;
  sent: number;
  /** Why the server will not take it: another tablet was first, or something in it cannot be. */
  refused: { code: string; detail: string } | null;
};

const PREFIX = "yuyue.assessment.";
const FORM_KEY = "yuyue.assessment-form";

const nameOf = (id: string): string => PREFIX + id;

/** What is there and readable; anything else counts as not there. */
function read(name: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

/** False where the device has no room or forbids it: the page then says so. */
function write(name: string, value: unknown): boolean {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export const keptForm = {
  read: (): Form | null => read(FORM_KEY) as Form | null,
  write: (form: Form): boolean => write(FORM_KEY, form),
};

export const isUnsent = (kept: Kept): boolean => kept.sent < kept.changes;

const listeners = new Set<() => void>();
let version = 0;

function changed(): void {
  version += 1;
  for (const listener of listeners) listener();
}

export const drafts = {
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  version: (): number => version,
  get: (id: string): Kept | null => read(nameOf(id)) as Kept | null,
  put: (id: string, kept: Kept): boolean => {
    const done = write(nameOf(id), kept);
    changed();
    return done;
  },
  forget: (id: string): void => {
    localStorage.removeItem(nameOf(id));
    changed();
  },
  all: (): { id: string; kept: Kept }[] =>
    Object.keys(localStorage)
      .filter((name) => name.startsWith(PREFIX))
      .flatMap((name) => {
        const kept = read(name) as Kept | null;
        return kept === null ? [] : [{ id: name.slice(PREFIX.length), kept }];
      }),
};

// By draft: two sendings at once would both build on the version before, and the second would be
// taken for another tablet's.
const underway = new Map<string, Promise<void>>();

/** Send one draft if the server lacks something of it, after what is being sent of it already.
 * Rejects only where there is no network. */
export function send(id: string): Promise<void> {
  const before = underway.get(id) ?? Promise.resolve();
  const sending = before.catch(() => undefined).then(() => sendNow(id));
  underway.set(id, sending);
  const over = () => {
    if (underway.get(id) === sending) underway.delete(id);
  };
  sending.then(over, over);
  return sending;
}

async function sendNow(id: string): Promise<void> {
  const kept = drafts.get(id);
  if (kept === null || !isUnsent(kept) || kept.refused !== null) return;
  try {
    const saved = await assessmentApi.save(kept.elderId, id, kept.draft);
    const now = drafts.get(id);
    if (now === null) return;
    // It may have been filled in further meanwhile: those changes build on what was just saved.
    drafts.put(id, {
      ...now,
      draft: { ...now.draft, version: saved.version },
      sent: kept.changes,
    });
  } catch (error) {
    if (!(error instanceof CallFailure) || error.kind !== "refused") throw error;
    const now = drafts.get(id) ?? kept;
    drafts.put(id, { ...now, refused: { code: error.code, detail: error.detail } });
  }
}

export async function sendAll(): Promise<void> {
  for (const { id } of drafts.all()) await send(id);
}
