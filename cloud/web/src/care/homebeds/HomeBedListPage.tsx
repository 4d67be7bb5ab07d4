import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { ElderPicker } from "../../shared/ElderPicker";
import { Fetching } from "../../shared/Fetching";
import { CallForm, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { useWord } from "../visits/words";
import { BED_KEYS, beds } from "./calls";

/** Home beds by step, with what is to be done until when; and a new application. */
export function HomeBedListPage(): ReactNode {
  const { t } = useTranslation("homebeds");
  const word = useWord();
  const { me } = useMe();
  const { data, failureReason } = useQuery({ queryKey: BED_KEYS.all, queryFn: beds.list });
  const shown = data?.steps.filter(({ key }) => data.rows.some(({ step }) => step === key)) ?? [];
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data !== undefined && shown.length === 0 && <p>{t("empty")}</p>}
      {data !== undefined &&
        shown.map((step) => {
          const rows = data.rows.filter((row) => row.step === step.key);
          return (
            <DataTable
              key={step.key}
              title={t("stepTitle", { step: word(step), count: rows.length })}
              rows={rows}
              rowKey={({ id }) => id}
              empty=""
              columns={[
                { title: t("elder"), cell: (row) => <Link to={`/care/homebeds/${row.id}`}>{row.elder_name}</Link> },
                { title: t("home"), cell: (row) => row.home_name ?? "" },
                { title: t("next"), cell: (row) => row.next && t(`move.${row.next}`) },
                {
                  title: t("due"),
                  cell: (row) => (
                    <>
                      {row.due_on} {row.overdue && <strong className="overdue">{t("overdue")}</strong>}
                    </>
                  ),
                },
                { title: t("purchaser"), cell: (row) => row.purchaser },
              ]}
            />
          );
        })}
      {me?.permissions.includes("care_write") && <Apply />}
    </>
  );
}

function Apply(): ReactNode {
  const { t } = useTranslation("homebeds");
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [elder, setElder] = useState("");
  const [applicant, setApplicant] = useState("");
  const [purchaser, setPurchaser] = useState("");
  const [reason, setReason] = useState("");
  const send = async () => {
    const made = await beds.apply(elder, { applicant, purchaser, reason });
    await queryClient.invalidateQueries({ queryKey: BED_KEYS.all });
    await navigate(`/care/homebeds/${made.row.id}`);
  };
  return (
    <CallForm title={t("apply.title")} submit={t("apply.send")} onSubmit={send} testId="home-bed-apply">
      <ElderPicker label={t("elder")} value={elder} onChange={setElder} />
      <TextField label={t("apply.applicant")} value={applicant} onChange={setApplicant} required testId="home-bed-applicant" />
      <TextField label={t("purchaser")} value={purchaser} onChange={setPurchaser} />
      <TextField label={t("apply.reason")} value={reason} onChange={setReason} multiline />
    </CallForm>
  );
}
