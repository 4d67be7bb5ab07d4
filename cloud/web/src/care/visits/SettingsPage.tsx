import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { Fetching } from "../../shared/Fetching";
import { CallForm, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { VISIT_KEYS, type VisitSettings, visits } from "./calls";
import { useWord } from "./words";

/** Groups with their intervals and where each figure comes from; the house's own figures. */
export function SettingsPage(): ReactNode {
  const { t } = useTranslation("visits");
  const word = useWord();
  const { i18n } = useTranslation();
  const { me } = useMe();
  const { data, failureReason } = useQuery({ queryKey: VISIT_KEYS.settings, queryFn: visits.settings });
  const english = i18n.language.startsWith("en");
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data && (
        <>
          <p>{t("settings.hint")}</p>
          <DataTable
            title={t("settings.groups")}
            rows={data.groups}
            rowKey={({ key }) => key}
            empty=""
            columns={[
              { title: t("settings.group"), cell: (one) => word(one) },
              { title: t("settings.who"), cell: (one) => (english ? one.who_en : one.who_zh) },
              { title: t("settings.days"), cell: (one) => t("settings.everyDays", { days: one.interval_days, normal: one.default_days }) },
              { title: t("settings.mark"), cell: (one) => `${t(`settings.marks.${one.mark}`)}（${one.source}）` },
            ]}
          />
          {me?.permissions.includes("alert_rules_manage") && <Form key={data.version} data={data} />}
        </>
      )}
    </>
  );
}

function Form({ data }: { data: VisitSettings }): ReactNode {
  const { t } = useTranslation("visits");
  const word = useWord();
  const queryClient = useQueryClient();
  const [days, setDays] = useState(() => new Map(data.groups.map((one) => [one.key, String(one.interval_days)])));
  const [hours, setHours] = useState(String(data.pull_forward_h));
  const [calls, setCalls] = useState(String(data.remote_in_a_row));
  const [name, setName] = useState(data.station?.name ?? "");
  const [lat, setLat] = useState(data.station?.lat.toString() ?? "");
  const [lon, setLon] = useState(data.station?.lon.toString() ?? "");
  const send = async () => {
    await visits.setSettings({
      interval_days: Object.fromEntries([...days].map(([key, value]) => [key, Number(value)])),
      pull_forward_h: Number(hours), remote_in_a_row: Number(calls), version: data.version,
      station: name === "" ? null : { name, lat: Number(lat), lon: Number(lon) },
    });
    await queryClient.invalidateQueries({ queryKey: VISIT_KEYS.settings });
    await queryClient.invalidateQueries({ queryKey: VISIT_KEYS.all });
  };
  return (
    <CallForm title={t("settings.own")} submit={t("settings.save")} onSubmit={send} testId="visit-settings">
      {data.groups.map((one) => (
        <TextField
          key={one.key}
          label={t("settings.daysOf", { group: word(one) })}
          type="number"
          value={days.get(one.key) ?? ""}
          onChange={(value) => setDays(new Map(days).set(one.key, value))}
          required
        />
      ))}
      <TextField label={t("settings.hours")} type="number" value={hours} onChange={setHours} required />
      <TextField label={t("settings.calls")} type="number" value={calls} onChange={setCalls} required />
      <TextField label={t("settings.station")} value={name} onChange={setName} />
      <TextField label={t("plan.lat")} type="number" value={lat} onChange={setLat} required={name !== ""} />
      <TextField label={t("plan.lon")} type="number" value={lon} onChange={setLon} required={name !== ""} />
    </CallForm>
  );
}
