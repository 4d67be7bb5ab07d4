import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { clockOf } from "../../shared/dayAndClock";
import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { localNow, SelectField, TextField, toIso } from "../../shared/forms";
import { useReachedUnits } from "../../shared/usePlaces";
import { ROUND_KEYS, rounds } from "./calls";

/** The sheet of one shift of one unit, to read and to print. */
export function SheetPage(): ReactNode {
  const { t } = useTranslation("rounds");
  const { t: common } = useTranslation();
  const [chosen, setChosen] = useState("");
  const [at, setAt] = useState(localNow());
  const { units, failureReason: noUnits } = useReachedUnits();
  const unit = chosen || (units[0]?.id ?? "");
  const { data, failureReason } = useQuery({
    queryKey: ROUND_KEYS.sheet(unit, at),
    queryFn: () => rounds.sheet(unit, toIso(at)),
    enabled: unit !== "" && at !== "",
  });
  const failure = noUnits ?? failureReason;
  return (
    <>
      <div className="form-head no-print">
        <SelectField label={t("sheet.unit")} value={unit} onChange={setChosen} options={units.map(({ id, name }) => ({ value: id, label: name }))} />
        <TextField label={t("sheet.at")} type="datetime-local" value={at} onChange={setAt} />
        <Button onClick={() => globalThis.print()}>{t("sheet.print")}</Button>
      </div>
      {failure !== null && (
        <p role="alert" className="banner">
          {t("failed", { why: explain(common, failure) })}
        </p>
      )}
      {data && (
        <DataTable
          title={t("sheet.head", {
            unit: data.unit_name ?? "", day: data.day, shift: data.shift, from: clockOf(data.starts_at), until: clockOf(data.ends_at),
          })}
          rows={data.rows}
          rowKey={(row) => row.elder_id}
          empty={t("sheet.empty")}
          columns={[
            { title: t("sheet.place"), cell: (row) => row.place },
            { title: t("sheet.elder"), cell: (row) => `${row.elder_name} · ${t("level", { level: row.level })}` },
            { title: t("sheet.planned"), cell: (row) => row.planned_rounds },
            { title: t("sheet.inPerson"), cell: (row) => row.in_person },
            { title: t("sheet.bySensor"), cell: (row) => row.by_sensor },
            { title: t("sheet.turnings"), cell: (row) => row.turnings },
            {
              title: t("sheet.checks"),
              cell: (row) =>
                row.checks.map((check) => (
                  <div key={check.id}>
                    {[
                      clockOf(check.at),
                      check.by,
                      t(`way.${check.way}`),
                      t(`finding.${check.finding}`),
                      check.position ? t(`position.${check.position}`) : "",
                      check.note,
                    ]
                      .filter(Boolean)
                      .join(" ")}
                  </div>
                )),
            },
          ]}
        />
      )}
    </>
  );
}
