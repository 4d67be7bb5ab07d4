import { useQuery } from "@tanstack/react-query";
import { type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";
import { type Coverage, ELDER_KEYS, elders } from "./calls";
import type { Part } from "./ElderRecordPage";

const REFRESH_MS = 60_000;
const CAUSES = [
  "battery", "everything_silent", "sees_nothing", "never_heard", "unknown",
  "gateway_offline", "source_down", "gateway_down", "thinned", "dropped",
] as const;
type Cause = (typeof CAUSES)[number];
type Gap = Coverage["gaps"][number];

const causeOf = (gap: Gap): Cause => CAUSES.find((cause) => cause === gap.cause) ?? "unknown";

/** When this person's sensors told nothing or could not be heard, and why. */
export function Unseen({ id, may }: Part): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common } = useTranslation();
  const allowed = may("coverage_read");
  const { data, failureReason } = useQuery({
    queryKey: ELDER_KEYS.part(id, "coverage"),
    queryFn: () => elders.coverage(id),
    refetchInterval: REFRESH_MS,
    enabled: allowed,
  });
  if (!allowed) return null;
  if (data === undefined)
    return failureReason === null ? null : (
      <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>
    );
  return (
    <DataTable
      title={t("unseen")}
      rows={data.gaps}
      rowKey={(gap) => `${gap.from_at} ${gap.cause} ${gap.device_id ?? gap.source ?? ""}`}
      empty={t("noUnseen")}
      columns={[
        { title: t("from"), cell: (gap) => dayAndClock(gap.from_at) },
        { title: t("until"), cell: (gap) => (gap.until_at === null ? t("ongoing") : dayAndClock(gap.until_at)) },
        { title: t("reason"), cell: (gap) => t(`unseenCause.${causeOf(gap)}`, { n: gap.records }) },
        { title: t("device"), cell: (gap) => gap.device_id ?? gap.source ?? t("allDevices") },
      ]}
    />
  );
}
