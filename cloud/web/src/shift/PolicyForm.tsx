import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import { ElderPicker } from "../shared/ElderPicker";
import { CallForm, ChecksField, SelectField, TextField } from "../shared/forms";
import { bodyOf, type Draft, type DraftStep, type Target, TARGETS } from "./policy";

const PRIORITIES = ["high", "medium", "low"] as const;
// The server's own limit (cloud/alerts/escalation/policies.py, MAX_STEPS).
const MOST_STEPS = 10;

type Props = { start: Draft; units: readonly { id: string; name: string }[]; done: () => Promise<void> };

/** A policy of the house, step by step. Saving replaces the one for the same place, person and shift. */
export function PolicyForm({ start, units, done }: Props): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const [draft, setDraft] = useState(start);
  const [picksElder, setPicksElder] = useState(start.elder !== "");
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  const save = async () => {
    await answer(client.POST("/api/v1/duty/policies", { body: bodyOf(draft) }));
    await done();
  };
  return (
    <CallForm title={t("policy.form")} submit={t("policy.save")} onSubmit={save} testId="policy-form">
      <TextField label={t("policy.name")} value={draft.name} onChange={(name) => change({ name })} required testId="policy-name" />
      <SelectField
        label={t("policy.priority")}
        value={draft.priority}
        onChange={(value) => change({ priority: value as Draft["priority"] })}
        options={PRIORITIES.map((value) => ({ value, label: plain(`priority.${value}`) }))}
      />
      <SelectField
        label={t("now.unit")}
        value={draft.unit}
        onChange={(unit) => change({ unit })}
        options={[
          { value: "", label: t("now.wholeHouse") },
          ...units.map(({ id, name }) => ({ value: id, label: name })),
        ]}
      />
      <TextField label={t("policy.shift")} value={draft.shift} onChange={(shift) => change({ shift })} hint={t("policy.shiftHint")} />
      {picksElder ? (
        <ElderPicker label={t("policy.elder")} value={draft.elder} onChange={(elder) => change({ elder })} />
      ) : (
        <p>
          <Button onClick={() => setPicksElder(true)}>{t("policy.forElder")}</Button>
        </p>
      )}
      <StepFields steps={draft.steps} onChange={(steps) => change({ steps })} />
      <TextField
        label={t("policy.spotMinutes")}
        value={draft.spotMinutes}
        onChange={(spotMinutes) => change({ spotMinutes })}
        type="number"
        hint={t("policy.spotHint")}
      />
      <TextField label={t("policy.homeMinutes")} value={draft.homeMinutes} onChange={(homeMinutes) => change({ homeMinutes })} type="number" />
      <ChecksField
        label={t("policy.marks")}
        value={draft.marks}
        onChange={(marks) => change({ marks })}
        options={[
          { value: "second", label: t("policy.second") },
          { value: "family", label: t("policy.family") },
        ]}
      />
    </CallForm>
  );
}

function StepFields({ steps, onChange }: { steps: DraftStep[]; onChange: (steps: DraftStep[]) => void }): ReactNode {
  const { t } = useTranslation("shift");
  const set = (id: number, part: Partial<DraftStep>) =>
    onChange(steps.map((step) => (step.id === id ? { ...step, ...part } : step)));
  const next = Math.max(-1, ...steps.map(({ id }) => id)) + 1;
  return (
    <div className="policy-step-fields">
      {steps.map((step, number) => (
        <fieldset key={step.id} data-testid="policy-step">
          <legend>{t("policy.step", { number })}</legend>
          <TextField
            label={t("policy.afterSeconds")}
            value={step.after}
            onChange={(after) => set(step.id, { after })}
            type="number"
            hint={t("policy.afterHint")}
          />
          <ChecksField
            label={t("policy.whom")}
            value={step.targets}
            onChange={(targets) => set(step.id, { targets: targets as Target[] })}
            options={TARGETS.map((value) => ({ value, label: t(`policy.target.${value}`) }))}
          />
          <Button size="small" onClick={() => onChange(steps.filter(({ id }) => id !== step.id))}>
            {t("policy.removeStep", { number })}
          </Button>
        </fieldset>
      ))}
      {steps.length < MOST_STEPS && (
        <Button data-testid="policy-add-step" onClick={() => onChange([...steps, { id: next, after: "60", targets: ["on_shift"] }])}>
          {t("policy.addStep")}
        </Button>
      )}
    </div>
  );
}
