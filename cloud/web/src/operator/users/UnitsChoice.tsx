import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ChecksField } from "../../shared/forms";
import { house, HOUSE_KEYS } from "../house/calls";

type Props = { label: string; value: readonly string[]; onChange: (unitIds: string[]) => void };

/** The units somebody serves; none: the whole house. */
export function UnitsChoice({ label, value, onChange }: Props): ReactNode {
  const { t } = useTranslation("operator");
  const { data } = useQuery({ queryKey: HOUSE_KEYS.places, queryFn: house.places });
  const units = data?.units ?? [];
  const names = units.filter(({ id }) => value.includes(id)).map(({ name }) => name);
  const shown = names.length === 0 ? t("users.wholeHouse") : names.join("、");
  return (
    <details>
      <summary aria-label={`${label} ${shown}`}>{shown}</summary>
      <ChecksField
        label={label}
        value={value}
        onChange={onChange}
        options={units.map(({ id, name }) => ({ value: id, label: name }))}
      />
    </details>
  );
}
