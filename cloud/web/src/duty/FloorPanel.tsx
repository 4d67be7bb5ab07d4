import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { answer, client } from "../api/client";
import { KEYS } from "../api/queries";
import type { components } from "../api/schema";
import type { AlertSummary } from "../api/types";
import { explain } from "../shared/explain";
import { FloorPlan } from "../shared/floor/FloorPlan";
import type { FloorUnit } from "../shared/floor/layout";
import { shortTime } from "../shared/time";

export type Floor = components["schemas"]["FloorOut"];

// Alerts come by the stream at once; who is up and who is in bed may be this old.
const EVERY_MS = 10_000;

/** Under the key of coverage: whatever makes that be asked again is about the floor too. */
export const FLOOR_KEY = [...KEYS.coverage, "floor"] as const;

type Words = {
  kind: (alert: AlertSummary) => string;
  /** Said of who is watched by what they wear only. */
  noBedSensor: string;
  presence: (state: "in_bed" | "up", since: string) => string;
};

/** The floor with its open alerts on it: an alert is worse than anything a sensor says. */
export function unitsOf(floor: Floor, alerts: readonly AlertSummary[], words: Words): FloorUnit[] {
  const open = new Map<string, AlertSummary>();
  for (const alert of alerts) if (alert.elder !== null) open.set(alert.elder.id, open.get(alert.elder.id) ?? alert);
  return floor.units
    .filter(({ rooms }) => rooms.length > 0)
    .map((unit) => ({
      id: unit.id,
      name: unit.name,
      rooms: unit.rooms.map((room) => ({
        id: room.id,
        name: room.name,
        beds: room.beds.map((bed) => {
          const alert = bed.elder_id === null ? undefined : open.get(bed.elder_id);
          const known =
            bed.state === "watched"
              ? words.noBedSensor
              : bed.presence === null || bed.since === null ? undefined : words.presence(bed.presence, bed.since);
          return {
            id: bed.id,
            label: `${room.name}-${bed.name}`,
            state: alert === undefined ? bed.state : ("alert" as const),
            name: bed.elder_name ?? undefined,
            detail: alert === undefined ? known : words.kind(alert),
          };
        }),
      })),
    }));
}

/** Every bed at a glance. Closed by a press; open again where it was left open. */
export function FloorPanel({ alerts }: { alerts: readonly AlertSummary[] }): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [open, setOpen] = useState(true);
  const { data, error, failureReason } = useQuery({
    queryKey: FLOOR_KEY,
    queryFn: () => answer(client.GET("/api/v1/floor")),
    refetchInterval: EVERY_MS,
    refetchIntervalInBackground: true,
    enabled: open,
  });
  const why = error ?? failureReason;
  const units = useMemo(
    () =>
      data === undefined
        ? []
        : unitsOf(data, alerts, {
            kind: (alert) => t(`code.${alert.code as "sos"}`, { defaultValue: alert.code }),
            noBedSensor: t("floor.noBedSensor"),
            presence: (state, since) => `${t(`floor.state.${state}`)} ${shortTime(since)}`,
          }),
    [data, alerts, t],
  );
  const openBed = useCallback(
    (bedId: string) => {
      const bed = data?.units
        .flatMap(({ rooms }) => rooms.flatMap(({ beds }) => beds))
        .find(({ id }) => id === bedId);
      if (bed?.elder_id == null) return;
      const alert = alerts.find(({ elder }) => elder?.id === bed.elder_id);
      const card = alert && document.getElementById(`card-${alert.id}`);
      if (card) {
        card.scrollIntoView({ block: "center" });
        card.querySelector<HTMLElement>("button")?.focus();
      } else void navigate(`/care/elders/${bed.elder_id}`);
    },
    [data, alerts, navigate],
  );
  return (
    <details
      className="duty-floor"
      open={open}
      data-testid="duty-floor"
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <h2>{t("floor.title")}</h2>
        {data?.limited === true && <span>{t("floor.limited")}</span>}
      </summary>
      {why !== null && (
        <p role="alert" className="card-failure">
          {t("floor.failed", { why: explain(t, why) })}
        </p>
      )}
      {/* What could not be asked again is not shown as it was: a bed that looks well must be so now. */}
      {why === null && units.length > 0 && <FloorPlan title={t("floor.title")} units={units} onOpen={openBed} />}
      {why === null && data !== undefined && units.length === 0 && <p>{t("floor.none")}</p>}
    </details>
  );
}
