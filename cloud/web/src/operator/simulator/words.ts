import { useCallback } from "react";
import { useTranslation } from "react-i18next";

import { zh as common } from "../../i18n/zh";
import { zh } from "./texts";

type Code = keyof typeof common.code;
type OwnCode = keyof typeof zh.codes;
type Kind = keyof typeof zh.kinds;
const isCode = (name: string): name is Code => name in common.code;
const isOwn = (name: string): name is OwnCode => name in zh.codes;
const isKind = (name: string): name is Kind => name in zh.kinds;

/** Names of alerts and incidents; one that this page does not know yet is shown by its code. */
export function useWords(): { code: (code: string) => string; kind: (kind: string) => string } {
  const { t } = useTranslation("simulator");
  const { t: shared } = useTranslation();
  const code = useCallback(
    (name: string): string =>
      isCode(name) ? shared(`code.${name}`) : isOwn(name) ? t(`codes.${name}`) : name,
    [t, shared],
  );
  const kind = useCallback((name: string): string => (isKind(name) ? t(`kinds.${name}`) : name), [t]);
  return { code, kind };
}
