import { useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { CallFailure } from "../../api/failure";
import { explain } from "../../shared/explain";
import { assessmentApi, type Draft, type Form } from "./api";
import { Circumstances, Head, Signatures } from "./Around";
import { Counted } from "./Counted";
import { drafts, isUnsent, type Kept, send } from "./drafts";
import { DomainItems } from "./DomainItems";
import { Health } from "./Health";
import { useSendSoon } from "./useDrafts";

type Props = { id: string; kept: Kept; form: Form; onFiled: () => void };

/** Where what was filled in is right now: on the server, or on this device only. */
function SavedMark({ kept }: { kept: Kept }): ReactNode {
  const { t } = useTranslation("care");
  const unsent = isUnsent(kept);
  const text = unsent ? (navigator.onLine ? t("form.saving") : t("form.offline")) : t("form.saved");
  return (
    <p role="status" className="saved-mark" data-testid="saved-mark" data-saved={!unsent}>
      {text}
    </p>
  );
}

function Refused({ id, kept, onLatest }: { id: string; kept: Kept; onLatest: () => void }): ReactNode {
  const { t } = useTranslation("care");
  if (kept.refused === null) return null;
  const stale = kept.refused.code === "changed_meanwhile" || kept.refused.code === "already_filed";
  return (
    <div role="alert" className="banner">
      <strong>{stale ? t("form.stale") : t("form.refused", { why: kept.refused.detail })}</strong>
      {stale && (
        <Button
          onClick={() => {
            drafts.forget(id);
            onLatest();
          }}
        >
          {t("form.loadLatest")}
        </Button>
      )}
    </div>
  );
}

/** What the server has does not stay on the device when the form is left. */
function useForgetWhenSent(id: string): void {
  useEffect(
    () => () => {
      const left = drafts.get(id);
      if (left !== null && !isUnsent(left)) drafts.forget(id);
    },
    [id],
  );
}

const itemsOf = (form: Form) => form.domains.flatMap(({ items }) => items);

export function TheForm({ id, kept, form, onFiled }: Props): ReactNode {
  const { t } = useTranslation("care");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [failure, setFailure] = useState<string | null>(null);
  const [filing, setFiling] = useState(false);
  useSendSoon(id, kept.changes);
  useForgetWhenSent(id);

  const { draft } = kept;
  const missing = itemsOf(form).filter(({ code }) => draft.answers[code] === undefined);
  const change = (changes: Partial<Draft>) => {
    const now = drafts.get(id) ?? kept;
    const after = { ...now.draft, ...changes };
    drafts.put(id, { ...now, draft: after, changes: now.changes + 1, refused: null });
  };

  const file = async () => {
    setFailure(null);
    setFiling(true);
    try {
      await send(id);
      const now = drafts.get(id);
      if (now?.refused !== null) return;
      await assessmentApi.file(kept.elderId, id, now.draft.version);
      drafts.forget(id);
      await queryClient.invalidateQueries({ queryKey: ["assessments"] });
      onFiled();
    } catch (error) {
      const offline = error instanceof CallFailure && error.kind !== "refused";
      setFailure(offline ? t("form.fileOffline") : explain(common, error));
    } finally {
      setFiling(false);
    }
  };

  const toMissing = () => {
    const first = missing[0];
    if (first === undefined) return;
    const item = document.getElementById(`item-${first.code}`);
    item?.scrollIntoView({ block: "center" });
    item?.querySelector("input")?.focus();
  };

  return (
    <>
      <h2>
        {t("form.title")} {kept.elderName && `· ${kept.elderName}`}
      </h2>
      <p>{t("form.standard", { standard: form.standard.id })}</p>
      <Refused id={id} kept={kept} onLatest={onFiled} />
      <div className="form-bar">
        <strong data-testid="progress">
          {t("form.progress", { done: itemsOf(form).length - missing.length, all: itemsOf(form).length })}
        </strong>
        <SavedMark kept={kept} />
        {missing.length > 0 && <Button onClick={toMissing}>{t("form.toMissing")}</Button>}
      </div>
      <Head form={form} draft={draft} change={change} />
      {form.domains.map((domain) => (
        <DomainItems
          key={domain.code}
          domain={domain}
          answers={draft.answers}
          onAnswer={(code, answer) => change({ answers: { ...(drafts.get(id) ?? kept).draft.answers, [code]: answer } })}
        />
      ))}
      <Counted elderId={kept.elderId} draft={draft} change={change} />
      <Circumstances draft={draft} change={change} />
      <Health draft={draft} change={change} form={form} />
      <Signatures draft={draft} change={change} />
      <div role="alert">{failure !== null && <p className="banner">{failure}</p>}</div>
      <p>
        {t("form.noLevel")} {t("form.fileHint")}
      </p>
      <Button type="primary" size="large" data-testid="file-assessment" aria-disabled={filing} onClick={() => void file()}>
        {filing ? t("form.filing") : t("form.file")}
      </Button>
    </>
  );
}
