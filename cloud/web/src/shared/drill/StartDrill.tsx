import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";
import { CallForm, SelectField, TextField } from "../forms";

export type Drill = components["schemas"]["DrillOut"];

// What staff must be able to answer in their sleep.
const CODES = ["fall_confirmed", "sos", "inactivity", "bath_dwell", "bed_exit_no_return", "smoke"] as const;

type Props = {
  title: string;
  /** Where an elder is chosen: who may read no records knows them by their beds only. */
  picker: (elder: string, choose: (elder: string) => void) => ReactNode;
  testId: string;
  onStarted?: (drills: readonly Drill[]) => void;
  done?: string;
};

/** A drill on the real floor: it rings at the real desk, and says everywhere that it is a drill. */
export function StartDrill({ title, picker, testId, onStarted, done }: Props): ReactNode {
  const { t } = useTranslation("startDrill");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [elder, setElder] = useState("");
  const [code, setCode] = useState<string>(CODES[0]);
  const [announced, setAnnounced] = useState("yes");
  const [note, setNote] = useState("");
  const start = async () => {
    const body = { elder_id: elder, code, announced: announced === "yes", note: note.trim() };
    const { drills } = await answer(client.POST("/api/v1/duty/drills", { body }));
    onStarted?.(drills);
    setNote("");
    await queryClient.invalidateQueries({ queryKey: ["drills"] });
  };
  return (
    <CallForm title={title} submit={t("start")} onSubmit={start} testId={testId} {...(done !== undefined && { done })}>
      {picker(elder, setElder)}
      <SelectField
        label={t("code")}
        value={code}
        onChange={setCode}
        options={CODES.map((value) => ({ value, label: common(`code.${value}`) }))}
      />
      <SelectField
        label={t("announced")}
        value={announced}
        onChange={setAnnounced}
        testId="drill-announced"
        options={[
          { value: "yes", label: t("told") },
          { value: "no", label: t("notTold") },
        ]}
      />
      <TextField label={t("note")} value={note} onChange={setNote} hint={t("hint")} />
    </CallForm>
  );
}
