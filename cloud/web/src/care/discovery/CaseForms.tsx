import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { dateOf } from "../../shared/dayAndClock";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { type Dismissal, DISMISSALS, discovery, DISCOVERY_KEYS, type DiscoveryCase, TASK_KINDS, type TaskKind } from "./calls";

const DAY_MS = 86_400_000;
const HARD_DAYS = 7;
const USUAL_DAYS = 30;
const DUE_DAYS = 3;

const inDays = (days: number): string => dateOf(Date.now() + days * DAY_MS);
const isHard = (item: DiscoveryCase): boolean => item.reasons.some(({ hard }) => hard);

type Props = { item: DiscoveryCase; done: () => void };

/** It is so, or it is not, and when to ask again. */
export function AnswerForm({ item, decision, done }: Props & { decision: "confirmed" | "dismissed" }): ReactNode {
  const { t } = useTranslation("discovery");
  const queryClient = useQueryClient();
  const hard = isHard(item);
  const [code, setCode] = useState<Dismissal>("away");
  const [note, setNote] = useState("");
  const [again, setAgain] = useState(() => inDays(hard ? HARD_DAYS : USUAL_DAYS));
  const dismissing = decision === "dismissed";
  const send = async () => {
    await discovery.answer(item.id, {
      version: item.version, decision, note, ask_again_on: again,
      ...(dismissing && { reason_code: code }),
    });
    done();
    await queryClient.invalidateQueries({ queryKey: DISCOVERY_KEYS.list });
  };
  const title = t(dismissing ? "dismissTitle" : "confirmTitle", { name: item.elder_name });
  return (
    <CallForm title={title} submit={t("save")} onSubmit={send} testId="discovery-answer">
      {dismissing && (
        <SelectField
          label={t("code")}
          value={code}
          onChange={(value) => setCode(value as Dismissal)}
          options={DISMISSALS.map((value) => ({ value, label: t(`codes.${value}`) }))}
          testId="dismiss-code"
        />
      )}
      <TextField
        label={t(dismissing ? "note" : "found")}
        value={note}
        onChange={setNote}
        required={dismissing && code === "other"}
        multiline
      />
      <TextField
        label={t("askAgain")}
        type="date"
        value={again}
        onChange={setAgain}
        hint={hard ? t("askAgainHard") : t("askAgainHint")}
        required
      />
    </CallForm>
  );
}

/** A visit, an assessment or an application. */
export function AskForm({ item, done }: Props): ReactNode {
  const { t } = useTranslation("discovery");
  const queryClient = useQueryClient();
  const [kind, setKind] = useState<TaskKind>("visit");
  const [due, setDue] = useState(() => inDays(DUE_DAYS));
  const [note, setNote] = useState("");
  const send = async () => {
    await discovery.ask(item.id, { kind, due_on: due, note });
    done();
    await queryClient.invalidateQueries({ queryKey: DISCOVERY_KEYS.list });
  };
  return (
    <CallForm title={t("askTitle", { name: item.elder_name })} submit={t("save")} onSubmit={send} testId="discovery-ask">
      <SelectField
        label={t("what")}
        value={kind}
        onChange={(value) => setKind(value as TaskKind)}
        options={TASK_KINDS.map((value) => ({ value, label: t(`kinds.${value}`) }))}
        testId="ask-kind"
      />
      <TextField label={t("due")} type="date" value={due} onChange={setDue} required />
      <TextField label={t("why")} value={note} onChange={setNote} multiline />
    </CallForm>
  );
}
