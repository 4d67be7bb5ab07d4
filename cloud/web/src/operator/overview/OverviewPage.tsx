import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api } from "../../api/client";
import { KEYS } from "../../api/queries";
import { DataTable } from "../../shared/DataTable";
import { Fetching } from "../../shared/Fetching";
import { clockTime } from "../../shared/time";
import { zh } from "../texts";

// As often as a gateway's silence is noticed in the cloud, and a little slower.
const REFRESH_MS = 5_000;

const isKnown = (reason: string): reason is keyof typeof zh.overview.reason => reason in zh.overview.reason;

/** Which gateways and devices are heard, and which are not. */
export default function OverviewPage(): ReactNode {
  const { t } = useTranslation("operator");
  // Calls are tried for ever; why the last one failed is told meanwhile.
  const { data, failureReason } = useQuery({
    queryKey: KEYS.status,
    queryFn: api.status,
    refetchInterval: REFRESH_MS,
  });
  const at = (time: string | null): string =>
    time === null ? t("overview.never") : clockTime(Date.parse(time));
  const reasonText = (reason: string): string =>
    isKnown(reason) ? `${t(`overview.reason.${reason}`)} (${reason})` : reason;
  const gatewayState = {
    online: t("overview.online"),
    offline: t("overview.offline"),
    never: t("overview.neverSeen"),
  };
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("overview.failed", { why })} />
      {data !== undefined && (
        <>
          <DataTable
            title={t("overview.gateways")}
            rows={data.gateways}
            rowKey={({ id }) => id}
            empty={t("overview.noGateways")}
            columns={[
              { title: t("overview.name"), cell: (row) => row.name },
              { title: t("overview.state"), cell: (row) => gatewayState[row.state] },
              { title: t("overview.lastContact"), cell: (row) => at(row.last_heartbeat_at) },
              {
                title: t("overview.waiting"),
                cell: (row) =>
                  t("overview.waitingText", { urgent: row.urgent_pending, bulk: row.bulk_pending }),
              },
              { title: t("overview.refused"), cell: (row) => row.rejected_total },
            ]}
          />
          <DataTable
            title={t("overview.quarantine")}
            rows={data.quarantine}
            rowKey={({ reason }) => reason}
            empty={t("overview.quarantineNone")}
            columns={[
              { title: t("overview.why"), cell: (row) => reasonText(row.reason) },
              { title: t("overview.count"), cell: (row) => row.count },
            ]}
          />
          <DataTable
            title={t("overview.devices")}
            rows={data.devices.devices}
            rowKey={({ device_id }) => device_id}
            empty={t("overview.noDevices")}
            columns={[
              { title: t("overview.device"), cell: (row) => row.device_id },
              {
                title: t("overview.state"),
                cell: (row) => (row.silent ? t("overview.silent") : t("overview.reporting")),
              },
              {
                title: t("overview.belongsTo"),
                cell: (row) =>
                  [row.elder_name, row.place].filter(Boolean).join(" · ") || t("overview.nobody"),
              },
              { title: t("overview.lastData"), cell: (row) => at(row.last_data_at) },
            ]}
          />
        </>
      )}
    </>
  );
}
