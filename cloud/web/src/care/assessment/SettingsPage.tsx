import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { explain } from "../../shared/explain";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { assessmentApi, type Settings } from "./api";

const KEY = ["assessment-settings"];

/** How this house reads what the standard leaves open; what is filed keeps the reading of its day. */
export function SettingsPage(): ReactNode {
  const { t } = useTranslation("care");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const { data, failureReason } = useQuery({ queryKey: KEY, queryFn: assessmentApi.settings });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("due.failed", { why: explain(common, failureReason) })}</p>;
  }
  return (
    <>
      <p>
        <Link to="/care/assessments">{t("settings.back")}</Link>
      </p>
      <p>{t("settings.hint")}</p>
      <Form key={JSON.stringify(data)} held={data} keeps={me?.permissions.includes("alert_rules_manage") ?? false} />
    </>
  );
}

function Form({ held, keeps }: { held: Settings; keeps: boolean }): ReactNode {
  const { t } = useTranslation("care");
  const queryClient = useQueryClient();
  const [adds, setAdds] = useState(held.changes_add_up ? "yes" : "no");
  const [together, setTogether] = useState(held.events_count_together ? "yes" : "no");
  const [days, setDays] = useState(String(held.interval_days));
  const save = async () => {
    await assessmentApi.setSettings({
      changes_add_up: adds === "yes", events_count_together: together === "yes", interval_days: Number(days),
    });
    await queryClient.invalidateQueries({ queryKey: KEY });
  };
  if (!keeps) {
    return (
      <ul>
        <li>{held.changes_add_up ? t("report.adds") : t("report.addsNot")}</li>
        <li>{held.events_count_together ? t("report.together") : t("report.apart")}</li>
        <li>{t("settings.every", { days: held.interval_days })}</li>
      </ul>
    );
  }
  return (
    <CallForm title={t("settings.title")} submit={t("settings.save")} onSubmit={save} testId="assessment-settings">
      <SelectField
        label={t("settings.grounds")} value={adds} onChange={setAdds}
        options={[{ value: "yes", label: t("report.adds") }, { value: "no", label: t("report.addsNot") }]}
      />
      <SelectField
        label={t("settings.events")} value={together} onChange={setTogether}
        options={[{ value: "yes", label: t("report.together") }, { value: "no", label: t("report.apart") }]}
      />
      <TextField label={t("settings.interval")} type="number" value={days} onChange={setDays} required />
    </CallForm>
  );
}
