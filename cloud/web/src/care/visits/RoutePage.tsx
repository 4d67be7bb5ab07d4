import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { Fetching } from "../../shared/Fetching";
import { localNow, SelectField, TextField } from "../../shared/forms";
import { VISIT_KEYS, visits } from "./calls";
import { DueCard } from "./DueCard";
import { RouteMap } from "./RouteMap";
import { metres } from "./words";

/** A day's doors in the order to walk: points on a map, and the same as a list. */
export function RoutePage(): ReactNode {
  const { t } = useTranslation("visits");
  const [day, setDay] = useState(() => localNow().slice(0, 10));
  const [visitor, setVisitor] = useState("");
  const { data: settings } = useQuery({ queryKey: VISIT_KEYS.settings, queryFn: visits.settings });
  const { data, failureReason } = useQuery({
    queryKey: VISIT_KEYS.route(day, visitor),
    queryFn: () => visits.route(day, visitor),
    enabled: day !== "",
  });
  return (
    <>
      <div className="visit-filters no-print">
        <TextField label={t("route.day")} type="date" value={day} onChange={setDay} required />
        <SelectField
          label={t("route.visitor")}
          value={visitor}
          onChange={setVisitor}
          options={[
            { value: "", label: t("route.everybody") },
            ...(settings?.staff.map(({ id, name }) => ({ value: id, label: name })) ?? []),
          ]}
        />
      </div>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data !== undefined && (
        <section aria-labelledby="route-title">
          <h2 id="route-title">{t("route.title", { count: data.stops.length, length: metres(data.length_m) })}</h2>
          <p>
            <small>{t("route.hint")}</small>
          </p>
          {data.stops.length === 0 && <p>{t("route.empty")}</p>}
          {data.stops.length > 0 && (
            <div className="route">
              <RouteMap route={data} tiles={settings?.map_tiles ?? ""} />
              <ol className="visit-list route-list">
                {data.stops.map(({ row, address, place, leg_m }, index) => (
                  <DueCard key={row.elder_id} row={row} number={index + 1}>
                    <p>
                      {address || t("route.noAddress")}
                      {place === null && <> · {t("route.notOnMap")}</>}
                      {leg_m !== null && <> · {t("route.leg", { m: metres(leg_m) })}</>}
                    </p>
                  </DueCard>
                ))}
              </ol>
            </div>
          )}
        </section>
      )}
    </>
  );
}
