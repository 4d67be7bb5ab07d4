import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { refusedHere } from "../../api/failure";
import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { ElderPicker } from "../../shared/ElderPicker";
import { Fetching } from "../../shared/Fetching";
import { CallForm } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { exchange, EXCHANGE_KEYS, objectOf, type Outside } from "./calls";
import { Partners } from "./Partners";

/** Results of other bodies: checked as they come in, decided by a person. */
export default function ExchangePage(): ReactNode {
  const { t } = useTranslation("exchange");
  const { me } = useMe();
  const { data, failureReason } = useQuery({ queryKey: EXCHANGE_KEYS.results, queryFn: exchange.results });
  const mayWrite = me?.permissions.includes("care_write") === true;
  return (
    <>
      <h2>{t("title")}</h2>
      <p>{t("hint")}</p>
      {mayWrite && <Take />}
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data !== undefined && <Results rows={data} mayWrite={mayWrite} />}
      {me?.permissions.includes("users_manage") && <Partners />}
    </>
  );
}

function Take(): ReactNode {
  const { t } = useTranslation("exchange");
  const fileId = useId();
  const queryClient = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [named, setNamed] = useState(false);
  const [elder, setElder] = useState("");
  const take = async () => {
    if (file === null) throw refusedHere(t("noFile"));
    const bundle = objectOf(await file.text());
    if (bundle === null) throw refusedHere(t("notJson"));
    await exchange.take(bundle, named && elder !== "" ? elder : null);
    await queryClient.invalidateQueries({ queryKey: EXCHANGE_KEYS.results });
  };
  return (
    <CallForm title={t("take")} submit={t("takeSubmit")} onSubmit={take} testId="take-outside">
      <div className="field">
        <label htmlFor={fileId}>{t("file")}</label>
        <input id={fileId} type="file" accept=".json,application/fhir+json,application/json" onChange={({ target }) => setFile(target.files?.[0] ?? null)} />
      </div>
      <label className="option">
        <input type="checkbox" checked={named} onChange={({ target }) => setNamed(target.checked)} />
        <span>{t("noNumber")}</span>
      </label>
      {named && <ElderPicker label={t("elder")} value={elder} onChange={setElder} />}
    </CallForm>
  );
}

function Results({ rows, mayWrite }: { rows: Outside[]; mayWrite: boolean }): ReactNode {
  const { t } = useTranslation("exchange");
  return (
    <DataTable
      title={t("results")}
      rows={rows}
      rowKey={({ id }) => id}
      empty={t("none")}
      columns={[
        {
          title: t("who"),
          cell: (row) => (
            <>
              <Link to={`/care/assessments/${row.elder_id}`} state={{ name: row.elder_name }}>
                {row.elder_name}
              </Link>{" "}
              {t(`matched.${row.matched_by}`)}
            </>
          ),
        },
        { title: t("from"), cell: (row) => row.partner },
        { title: t("on"), cell: (row) => row.reference_date },
        { title: t("theirs"), cell: (row) => t("score", { total: row.total, level: row.level_name }) },
        { title: t("own"), cell: (row) => (row.own_level === null ? "–" : t("ownLevel", { level: row.own_level })) },
        { title: t("state"), cell: (row) => <Decision row={row} mayWrite={mayWrite} /> },
      ]}
    />
  );
}

function Decision({ row, mayWrite }: { row: Outside; mayWrite: boolean }): ReactNode {
  const { t } = useTranslation("exchange");
  const queryClient = useQueryClient();
  const decide = async (accept: boolean, note: string) => {
    await exchange.decide(row.id, accept, note);
    await queryClient.invalidateQueries({ queryKey: EXCHANGE_KEYS.results });
    await queryClient.invalidateQueries({ queryKey: ["assessments"] });
  };
  if (row.accepted === true) return t("accepted");
  if (row.accepted === false) return t("refused", { why: row.note });
  if (!mayWrite) return "–";
  return (
    <>
      <AskButton
        label={t("accept")}
        title={t("acceptAsk")}
        testId="accept-outside"
        questions={[{ name: "note", label: t("note") }]}
        onAnswer={({ note = "" }) => decide(true, note)}
      />{" "}
      <AskButton
        label={t("refuse")}
        testId="refuse-outside"
        questions={[{ name: "note", label: t("why"), required: true }]}
        onAnswer={({ note = "" }) => decide(false, note)}
      />
    </>
  );
}
