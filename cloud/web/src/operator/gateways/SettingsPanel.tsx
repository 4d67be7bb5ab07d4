import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "../../shared/explain";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { type Gateway, type GatewaySettings, gateways, GATEWAYS_KEY } from "./calls";

// The fields of this form; whatever else the gateway has been told stays as it is.
const TEXTS = [
  "mqtt_host", "mqtt_port", "mqtt_username", "mqtt_password", "mqtt_zigbee2mqtt", "mqtt_discovery",
  "ble_adapters", "local_alarm_delay_s",
] as const;
const NUMBERS: readonly Name[] = ["mqtt_port", "local_alarm_delay_s"];
// Empty means something there: listen to none of them.
const MAY_BE_EMPTY: readonly Name[] = ["mqtt_zigbee2mqtt", "mqtt_discovery", "ble_adapters"];
type Name = (typeof TEXTS)[number];
type Values = Partial<Record<Name | "ble_scan", string>>;

/** What a gateway is told to do; one that is connected does it within seconds. */
export function SettingsPanel({ row, onClose }: { row: Gateway; onClose: () => void }): ReactNode {
  const { t } = useTranslation("operator");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: [...GATEWAYS_KEY, row.id, "settings"],
    queryFn: () => gateways.settings(row.id),
  });
  return (
    <section className="gateway-settings" aria-label={t("gateways.settingsOf", { name: row.name })}>
      {data === undefined && failureReason === null && <Waiting />}
      {failureReason !== null && (
        <p role="alert" className="banner">
          {t("gateways.failed", { why: explain(common, failureReason) })}
        </p>
      )}
      {data !== undefined && <SettingsForm key={data.settings_version} row={row} present={data.settings} />}
      <Button onClick={onClose}>{t("gateways.close")}</Button>
    </section>
  );
}

function SettingsForm({ row, present }: { row: Gateway; present: GatewaySettings }): ReactNode {
  const { t } = useTranslation("operator");
  const queryClient = useQueryClient();
  const [values, setValues] = useState<Values>(() => shownOf(present));
  const field = (name: Name) => ({
    label: t(`gateways.setting.${name}`),
    value: values[name] ?? "",
    type: NUMBERS.includes(name) ? ("number" as const) : ("text" as const),
    onChange: (value: string) => setValues((old) => ({ ...old, [name]: value })),
  });
  return (
    <CallForm
      title={t("gateways.settingsOf", { name: row.name })}
      submit={t("gateways.save")}
      onSubmit={async () => {
        await gateways.change(row.id, wantedOf(values, present));
        await queryClient.invalidateQueries({ queryKey: GATEWAYS_KEY });
      }}
    >
      <p>{t("gateways.settingsHint")}</p>
      {TEXTS.map((name) => <TextField key={name} {...field(name)} />)}
      <SelectField
        label={t("gateways.setting.ble_scan")}
        value={values.ble_scan ?? ""}
        onChange={(value) => setValues((old) => ({ ...old, ble_scan: value }))}
        options={[
          { value: "", label: t("gateways.asItIs") },
          { value: "active", label: t("gateways.scan.active") },
          { value: "passive", label: t("gateways.scan.passive") },
        ]}
      />
    </CallForm>
  );
}

function shownOf(present: GatewaySettings): Values {
  const shown: Values = { ble_scan: present.ble_scan ?? "" };
  for (const name of TEXTS) {
    const value = present[name];
    if (value !== null && value !== undefined) shown[name] = String(value);
  }
  return shown;
}

/** What is not set here is left to the gateway; what was set can be made empty where that means something. */
function wantedOf(values: Values, present: GatewaySettings): GatewaySettings {
  const wanted: Record<string, unknown> = { ...present };
  for (const name of TEXTS) {
    const value = values[name]?.trim();
    if (value === undefined || (value === "" && !MAY_BE_EMPTY.includes(name))) wanted[name] = null;
    else wanted[name] = NUMBERS.includes(name) ? Number(value) : value;
  }
  wanted.ble_scan = values.ble_scan === "" ? null : values.ble_scan;
  return wanted;
}
