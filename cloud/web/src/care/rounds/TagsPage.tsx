import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { AskButton } from "../../shared/AskButton";
import { explain } from "../../shared/explain";
import { ActionButton, SelectField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { useReachedUnits } from "../../shared/usePlaces";
import { type Labels, ROUND_KEYS, tags } from "./calls";

/** Labels for the beds of a unit: a QR code that opens the check-in, to be printed on A4. */
export function TagsPage(): ReactNode {
  const { t } = useTranslation("rounds");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const [chosen, setChosen] = useState("");
  const { units, failureReason: noUnits } = useReachedUnits();
  const unit = chosen || (units[0]?.id ?? "");
  const { data, failureReason } = useQuery({
    queryKey: ROUND_KEYS.tags(unit),
    queryFn: () => tags.of(unit),
    enabled: unit !== "",
  });
  const keeps = me?.permissions.includes("alert_rules_manage") ?? false;
  const changed = () => queryClient.invalidateQueries({ queryKey: ROUND_KEYS.tags(unit) });
  const fill = async () => {
    await tags.fill(unit);
    await changed();
  };
  const renew = async (bed_id: string) => {
    await tags.renew(bed_id);
    await changed();
  };
  const failure = noUnits ?? failureReason;
  return (
    <>
      <div className="form-head no-print">
        <SelectField label={t("sheet.unit")} value={unit} onChange={setChosen} options={units.map(({ id, name }) => ({ value: id, label: name }))} />
        <Button onClick={() => globalThis.print()}>{t("sheet.print")}</Button>
        {keeps && unit !== "" && <ActionButton label={t("tags.fill")} onPress={fill} testId="tags-fill" />}
      </div>
      <p className="no-print">{t("tags.hint")}</p>
      {failure !== null && (
        <p role="alert" className="banner">
          {t("failed", { why: explain(common, failure) })}
        </p>
      )}
      {data === undefined ? (
        failure === null && <Waiting />
      ) : (
        <ul className="bed-labels">
          {data.labels.map((label) => (
            <Label key={label.bed_id} unit={data.unit} label={label} {...(keeps && { renew })} />
          ))}
        </ul>
      )}
    </>
  );
}

type LabelProps = { unit: string; label: Labels["labels"][number]; renew?: (bed: string) => Promise<void> };

function Label({ unit, label, renew }: LabelProps): ReactNode {
  const { t } = useTranslation("rounds");
  const name = t("tags.bed", { room: label.room, bed: label.bed });
  return (
    <li className="bed-label" data-testid="bed-label" data-printed={label.tag !== null}>
      <strong>{name}</strong>
      <small>{unit}</small>
      {label.qr_svg === null ? (
        <p>{t("tags.none")}</p>
      ) : (
        <img src={`data:image/svg+xml,${encodeURIComponent(label.qr_svg)}`} alt={t("tags.qr", { name })} />
      )}
      {label.tag !== null && <code>{label.tag}</code>}
      {label.tag !== null && renew && (
        <span className="no-print">
          <AskButton label={t("tags.renew")} title={t("tags.renewAsk", { name })} onAnswer={() => renew(label.bed_id)} />
        </span>
      )}
    </li>
  );
}
