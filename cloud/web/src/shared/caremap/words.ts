import { useTranslation } from "react-i18next";

import type { BedKind, Beds, NeedKind, Reason, Service } from "./calls";

/** Words for what the hub says in keys: services, kinds of beds, reasons. */
export function useCareWords(services: readonly Service[]) {
  const { t, i18n } = useTranslation("caremap");
  const english = i18n.language.startsWith("en");
  const comma = english ? ", " : "、";

  const service = (key: string): string => {
    const found = services.find((one) => one.key === key);
    return found === undefined ? key : english ? found.en : found.zh;
  };
  const kind = (key: NeedKind): string => t(`kind.${key}`);
  const beds = (one: Beds): string => {
    if (one.total === null || one.free === null)
      return t(one.taken === null ? "bedUntold" : "bedUnknown", { kind: kind(one.kind), taken: one.taken });
    const said = t("bedLine", { kind: kind(one.kind), free: one.free, total: one.total });
    return one.reserved > 0 ? said + t("bedReserved", { count: one.reserved }) : said;
  };
  const reason = ({ code, value, names }: Reason): string => {
    const ofBeds = code === "no_such_beds" || code === "other_kind";
    if (ofBeds && names.length === 0) return t("reason.none");
    const words = names.map((name) => (ofBeds ? kind(name as BedKind) : service(name)));
    return t(`reason.${code as "free"}`, {
      defaultValue: code,
      value: value ?? "",
      percent: Math.round((value ?? 0) * 100),
      names: words.join(comma),
    });
  };
  return { service, kind, beds, reason, list: (words: readonly string[]) => words.join(comma) };
}
