import { useTranslation } from "react-i18next";

import { zh } from "../i18n/zh";

type Role = keyof typeof zh.coverage.role;
type Cause = keyof typeof zh.coverage.deviceCause;
const isRole = (name: string): name is Role => name in zh.coverage.role;
const isCause = (name: string): name is Cause => name in zh.coverage.deviceCause;

/** Words for what a device is there for, and for why it is silent. */
export function useCoverageNames() {
  const { t } = useTranslation();
  return {
    role: (name: string): string => (isRole(name) ? t(`coverage.role.${name}`) : name),
    cause: (name: string): string => t(`coverage.deviceCause.${isCause(name) ? name : "other"}`),
  };
}
