import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";
import { SelectField, TextField, localNow } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { ORDER_KEYS, type Statement, type StatementLine, statements } from "./calls";

/** The month's proof for settlement: a draft that follows the record, or what was signed. */
export function StatementPage(): ReactNode {
  const { t } = useTranslation("orders");
  const { t: common } = useTranslation();
  const [day, setDay] = useState(() => `${localNow().slice(0, 7)}-01`);
  const [picked, setPicked] = useState("");
  const month = day === "" ? "" : `${day.slice(0, 7)}-01`;
  const { data: buyers, failureReason } = useQuery({
    queryKey: ORDER_KEYS.buyers(month),
    queryFn: () => statements.buyers(month),
    enabled: month !== "",
  });
  const purchaser = picked || (buyers?.rows[0]?.purchaser ?? "");
  const { data, failureReason: problem } = useQuery({
    queryKey: ORDER_KEYS.statement(month, purchaser),
    queryFn: () => statements.one(month, purchaser),
    enabled: month !== "" && purchaser !== "",
  });
  const why = failureReason ?? problem;
  return (
    <>
      <div className="visit-filters no-print">
        <TextField label={t("month")} type="date" value={day} onChange={setDay} required hint={t("monthHint")} />
        <SelectField
          label={t("purchaser")}
          value={purchaser}
          onChange={setPicked}
          options={(buyers?.rows ?? []).map((row) => ({
            value: row.purchaser,
            label: `${row.purchaser}（${row.signed_at ? t("signed") : t("draft")}）`,
          }))}
        />
      </div>
      {why !== null && (
        <p role="alert" className="banner">
          {t("failed", { why: explain(common, why) })}
        </p>
      )}
      {buyers === undefined && why === null && <Waiting />}
      {buyers?.rows.length === 0 && <p>{t("noBuyers")}</p>}
      {data && <Sheet data={data} />}
    </>
  );
}

function Sheet({ data }: { data: Statement }): ReactNode {
  const { t } = useTranslation("orders");
  const queryClient = useQueryClient();
  const sign = async () => {
    await statements.sign({ month: data.month, purchaser: data.purchaser, sha256: data.sha256 });
    await queryClient.invalidateQueries({ queryKey: ["service-statements"] });
  };
  const what = (line: StatementLine) => t(`line.${line.kind}`);
  const span = (line: StatementLine) => `${dayAndClock(line.at)} – ${dayAndClock(line.until)}`;
  return (
    <>
      <h2>{t("sheetTitle", { operator: data.operator, purchaser: data.purchaser, month: data.month.slice(0, 7) })}</h2>
      <p>
        {data.signed_at
          ? t("signedBy", { by: data.signed_by, at: dayAndClock(data.signed_at) })
          : t(data.can_sign ? "draftHint" : "runningHint")}
        {!data.intact && <strong role="alert"> {t("notIntact")}</strong>}
      </p>
      <ul>
        {Object.entries(data.totals).map(([kind, { count, minutes }]) => (
          <li key={kind}>{t("total", { kind: t(`line.${kind as StatementLine["kind"]}`), count, minutes })}</li>
        ))}
      </ul>
      <p className="no-print statement-actions">
        <Button onClick={() => window.print()}>{t("print")}</Button>{" "}
        <a className="touch" href={statements.csv(data.month, data.purchaser)} download>
          {t("csv")}
        </a>{" "}
        {data.can_sign && <AskButton label={t("sign")} title={t("signAsk")} onAnswer={sign} />}
      </p>
      <DataTable
        title={t("lines")}
        rows={data.lines}
        rowKey={({ kind, ref }) => `${kind} ${ref}`}
        empty={t("noLines")}
        columns={[
          { title: t("when"), cell: span },
          { title: t("elder"), cell: (line) => line.elder },
          { title: t("kindTitle"), cell: what },
          { title: t("minutes"), cell: (line) => line.minutes },
          { title: t("by"), cell: (line) => line.by },
          { title: t("proof"), cell: (line) => [line.place, line.confirmed, line.note].filter(Boolean).join("；") },
        ]}
      />
      {data.corrections.length > 0 && (
        <DataTable
          title={t("corrections")}
          rows={data.corrections}
          rowKey={(one) => `${one.month} ${one.before?.ref ?? one.now?.ref ?? ""}`}
          empty=""
          columns={[
            { title: t("month"), cell: (one) => one.month.slice(0, 7) },
            { title: t("change"), cell: (one) => t(`changes.${one.change}`) },
            { title: t("before"), cell: (one) => one.before && `${what(one.before)} ${one.before.elder} ${span(one.before)}` },
            { title: t("now"), cell: (one) => one.now && `${what(one.now)} ${one.now.elder} ${span(one.now)}` },
          ]}
        />
      )}
      <p className="statement-hash">
        <small>SHA-256 {data.sha256}</small>
      </p>
    </>
  );
}
