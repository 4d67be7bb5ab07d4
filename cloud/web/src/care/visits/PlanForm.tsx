import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { CallForm, ChecksField, localNow, SelectField, TextField } from "../../shared/forms";
import { type ElderVisits, VISIT_KEYS, visits } from "./calls";
import { useWord } from "./words";

/** How often an elder is visited, by whom, and where the door is. The record's hint stands above. */
export function PlanForm({ data }: { data: ElderVisits }): ReactNode {
  const { t } = useTranslation("visits");
  const word = useWord();
  const queryClient = useQueryClient();
  const { data: settings } = useQuery({ queryKey: VISIT_KEYS.settings, queryFn: visits.settings });
  const { plan, suggestion } = data;
  const [group, setGroup] = useState(plan?.group ?? suggestion.group);
  const [days, setDays] = useState(plan?.own_interval_days?.toString() ?? "");
  const [visitor, setVisitor] = useState(plan?.visitor_id ?? "");
  const [purchaser, setPurchaser] = useState(plan?.purchaser ?? "");
  const [lat, setLat] = useState(plan?.place?.lat.toString() ?? "");
  const [lon, setLon] = useState(plan?.place?.lon.toString() ?? "");
  const [starts, setStarts] = useState(plan?.starts_on ?? localNow().slice(0, 10));
  const [ended, setEnded] = useState(plan !== null && plan.ended_at !== null);
  const [note, setNote] = useState(plan?.note ?? "");
  const nameOf = (key: string) => word(settings?.groups.find((one) => one.key === key)) || key;
  const send = async () => {
    await visits.setPlan(data.elder_id, {
      group, interval_days: days === "" ? null : Number(days), visitor_id: visitor || null, purchaser,
      place: lat === "" || lon === "" ? null : { lat: Number(lat), lon: Number(lon) },
      starts_on: starts, ended, note, version: plan?.version ?? 0,
    });
    await queryClient.invalidateQueries({ queryKey: VISIT_KEYS.all });
  };
  return (
    <CallForm title={t("plan.title")} submit={t("plan.save")} onSubmit={send} testId="visit-plan">
      <p>
        {t("plan.suggested", { group: nameOf(suggestion.group), why: suggestion.reasons.join("、") || t("plan.noReason") })}
        {suggestion.unknown.length > 0 && <> {t("plan.unknown", { what: suggestion.unknown.join("、") })}</>}
      </p>
      <SelectField
        label={t("plan.group")}
        value={group}
        onChange={setGroup}
        testId="visit-group"
        options={
          settings?.groups.map((one) => ({
            value: one.key,
            label: t("plan.groupOption", { name: word(one), days: one.interval_days, mark: one.mark }),
          })) ?? []
        }
      />
      <TextField label={t("plan.days")} type="number" value={days} onChange={setDays} />
      <SelectField
        label={t("plan.visitor")}
        value={visitor}
        onChange={setVisitor}
        options={[{ value: "", label: t("plan.nobody") }, ...(settings?.staff.map(({ id, name }) => ({ value: id, label: name })) ?? [])]}
      />
      <TextField label={t("plan.purchaser")} value={purchaser} onChange={setPurchaser} />
      <TextField label={t("plan.lat")} type="number" value={lat} onChange={setLat} hint={t("plan.placeHint")} />
      <TextField label={t("plan.lon")} type="number" value={lon} onChange={setLon} />
      <TextField label={t("plan.starts")} type="date" value={starts} onChange={setStarts} required />
      <TextField label={t("plan.note")} value={note} onChange={setNote} />
      <ChecksField
        label={t("plan.end")}
        value={ended ? ["ended"] : []}
        onChange={(value) => setEnded(value.length > 0)}
        options={[{ value: "ended", label: t("plan.ended") }]}
      />
    </CallForm>
  );
}
