import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { SelectField, TextField } from "./forms";
import { elderLabel, useElders } from "./useElders";

const FOUND_SHOWN = 20;

type Props = { label: string; value: string; onChange: (elderId: string) => void };

/** An elder by name, pinyin or bed. */
export function ElderPicker({ label, value, onChange }: Props): ReactNode {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const { data } = useElders(q, FOUND_SHOWN);
  const found = data?.elders ?? [];
  return (
    <>
      <TextField label={t("form.findElder")} value={q} onChange={setQ} type="search" testId="elder-search" />
      <SelectField
        label={label}
        value={value}
        onChange={onChange}
        required
        testId="elder-select"
        options={[
          { value: "", label: t("form.choose") },
          ...found.map((elder) => ({
            value: elder.id,
            label: elderLabel(elder),
          })),
        ]}
      />
    </>
  );
}
