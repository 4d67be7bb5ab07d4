import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import { SelectField, TextField } from "./forms";

type Props = { label: string; value: string; onChange: (elderId: string) => void };

/** An elder by name, pinyin or bed. */
export function ElderPicker({ label, value, onChange }: Props): ReactNode {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const { data } = useQuery({
    queryKey: ["elders", { q, limit: 20 }],
    queryFn: () => answer(client.GET("/api/v1/elders", { params: { query: { q, limit: 20 } } })),
  });
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
            label: [elder.name, elder.place?.label].filter(Boolean).join(" · "),
          })),
        ]}
      />
    </>
  );
}
