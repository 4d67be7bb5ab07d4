import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Role } from "../../api/types";

export const ROLES: readonly Role[] = [
  "duty",
  "head_nurse",
  "manager",
  "assessor",
  "operator",
  "family",
  "district_viewer",
  "admin",
];

type Props = { label: string; value: Role; onChange: (role: Role) => void; id?: string };

/** The browser's own list: works with a thumb, a keyboard and a screen reader alike. */
export function RoleChoice({ label, value, onChange, id }: Props): ReactNode {
  const { t } = useTranslation("operator");
  return (
    <select
      id={id}
      aria-label={label}
      value={value}
      onChange={(event) => {
        const chosen = ROLES.find((role) => role === event.target.value);
        if (chosen !== undefined) onChange(chosen);
      }}
    >
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {t(`role.${role}`)}
        </option>
      ))}
    </select>
  );
}
