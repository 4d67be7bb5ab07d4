import { beforeEach, describe, expect, it, vi } from "vitest";

import { CallFailure } from "../../api/failure";
import { type Assessment, assessmentApi, type Draft, type Form } from "./api";
import { drafts, isUnsent, send } from "./drafts";
import { problemsOf } from "./health";
import { newDraft } from "./newDraft";

let ID = "";

const keep = () =>
  drafts.put(ID, { elderId: "elder", elderName: "王秀兰", draft: newDraft(1, "2026-03-01"), changes: 1, sent: 0, refused: null });

/** A server that keeps versions as the hub does, and answers when it is told to. */
function server() {
  let version = 0;
  const waiting: (() => void)[] = [];
  const taken: Draft[] = [];
  vi.spyOn(assessmentApi, "save").mockImplementation(async (_elder, _id, draft) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    if (draft.version !== version) throw new CallFailure("refused", 409, "changed_meanwhile", "别处修改过");
    version += 1;
    taken.push(draft);
    return { version } as Assessment;
  });
  const answer = async () => {
    await vi.waitFor(() => expect(waiting).not.toHaveLength(0));
    waiting.shift()?.();
  };
  return { answer, taken, waiting };
}

beforeEach(() => {
  localStorage.clear();
  ID = crypto.randomUUID();
});

describe("a draft at the bedside", () => {
  it("is still there after the page was loaded anew", () => {
    keep();
    expect(drafts.all().map(({ id }) => id)).toEqual([ID]);
    expect(drafts.get(ID)?.draft.reference_date).toBe("2026-03-01");
  });

  it("is sent once, however many ask for it", async () => {
    const { answer, taken } = server();
    keep();
    const all = [send(ID), send(ID), send(ID)];
    await answer();
    await Promise.all(all);
    expect(taken).toHaveLength(1);
  });

  it("that is filled in while it is being sent is not taken for another tablet's", async () => {
    const { answer, taken, waiting } = server();
    keep();
    const first = send(ID);
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    const now = drafts.get(ID);
    if (now === null) throw new Error("gone");
    drafts.put(ID, { ...now, draft: { ...now.draft, reason: 3 }, changes: 2 });
    const second = send(ID);
    await answer();
    await first;
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    await answer();
    await second;
    expect(taken.map(({ reason }) => reason)).toEqual([1, 3]);
    const kept = drafts.get(ID);
    expect(kept?.refused).toBeNull();
    expect(kept !== null && isUnsent(kept)).toBe(false);
  });

  it("stays unsent where there is no network", async () => {
    vi.spyOn(assessmentApi, "save").mockRejectedValue(new CallFailure("network", 0, "network", ""));
    keep();
    await expect(send(ID)).rejects.toThrow();
    const kept = drafts.get(ID);
    expect(kept !== null && isUnsent(kept)).toBe(true);
  });
});

it("health problems are read from the form's own list", () => {
  const form = { form: { A5: ["A.5.3 伤口情况: 无/擦伤/其他 (multi)", "A.5.9 营养不良 (BMI below normal): 无/有", "A.5.6 牙齿缺失 (multi)"] } };
  expect(problemsOf(form as unknown as Form)).toEqual([
    { code: "A.5.3", zh: "伤口情况", options: ["无", "擦伤", "其他"], several: true },
    { code: "A.5.9", zh: "营养不良", options: ["无", "有"], several: false },
    { code: "A.5.6", zh: "牙齿缺失", options: [], several: true },
  ]);
});
