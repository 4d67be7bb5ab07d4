import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { AskButton } from "../../shared/AskButton";
import { dayAndClock } from "../../shared/dayAndClock";
import { DataTable } from "../../shared/DataTable";
import { ElderPicker } from "../../shared/ElderPicker";
import { explain } from "../../shared/explain";
import { ActionButton, CallForm, localNow, TextField, toIso } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { type Absence, leaves, ROUND_KEYS } from "./calls";

const TWO_HOURS_MS = 2 * 3_600_000;
const FOUR_HOURS_MS = 4 * 3_600_000;

/** Who is out and not back; somebody goes, somebody comes back. */
export function LeavePage(): ReactNode {
  const { t } = useTranslation("rounds");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const { data, failureReason } = useQuery({ queryKey: ROUND_KEYS.leaves, queryFn: leaves.open });
  const writes = me?.permissions.includes("care_write") ?? false;
  const changed = () => queryClient.invalidateQueries({ queryKey: ROUND_KEYS.leaves });
  const back = async (leave: Absence) => {
    await leaves.back(leave);
    await changed();
  };
  const extend = async (leave: Absence, due: string) => {
    await leaves.extend(leave, toIso(due));
    await changed();
  };
  return (
    <>
      {failureReason !== null && (
        <p role="alert" className="banner">
          {t("failed", { why: explain(common, failureReason) })}
        </p>
      )}
      {data && (
        <DataTable
          title={t("leave.title")}
          rows={data.leaves}
          rowKey={({ id }) => id}
          empty={t("leave.empty")}
          columns={[
            { title: t("leave.elder"), cell: (row) => row.elder_name },
            { title: t("leave.out"), cell: (row) => dayAndClock(row.out_at) },
            {
              title: t("leave.due"),
              cell: (row) => (
                <>
                  {dayAndClock(row.due_back_at)} {row.overdue && <strong className="overdue">{t("leave.overdue")}</strong>}
                </>
              ),
            },
            { title: t("leave.with"), cell: (row) => row.companion },
            { title: t("leave.where"), cell: (row) => row.destination },
            {
              title: t("leave.back"),
              cell: (row) =>
                writes && (
                  <>
                    <ActionButton label={t("leave.back")} onPress={() => back(row)} />
                    <AskButton
                      label={t("leave.extend")}
                      title={t("leave.extendFor", { name: row.elder_name })}
                      testId="extend-leave"
                      questions={[
                        {
                          name: "due", label: t("leave.due"), type: "datetime-local", required: true,
                          initial: localNow(Math.max(Date.now(), Date.parse(row.due_back_at)) + TWO_HOURS_MS),
                        },
                      ]}
                      onAnswer={(answers) => extend(row, answers.due ?? "")}
                    />
                  </>
                ),
            },
          ]}
        />
      )}
      {writes && <Register done={changed} />}
    </>
  );
}

function Register({ done }: { done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("rounds");
  const [elder, setElder] = useState("");
  const [out, setOut] = useState(localNow());
  const [due, setDue] = useState(() => localNow(Date.now() + FOUR_HOURS_MS));
  const [companion, setCompanion] = useState("");
  const [destination, setDestination] = useState("");
  const send = async () => {
    await leaves.register(elder, { out_at: toIso(out), due_back_at: toIso(due), companion, destination });
    await done();
  };
  return (
    <CallForm title={t("leave.register")} submit={t("leave.register")} onSubmit={send} testId="register-leave">
      <p>{t("leave.hint")}</p>
      <ElderPicker label={t("leave.elder")} value={elder} onChange={setElder} />
      <TextField label={t("leave.out")} type="datetime-local" value={out} onChange={setOut} required />
      <TextField label={t("leave.due")} type="datetime-local" value={due} onChange={setDue} required testId="due-back" />
      <TextField label={t("leave.with")} value={companion} onChange={setCompanion} />
      <TextField label={t("leave.where")} value={destination} onChange={setDestination} />
    </CallForm>
  );
}
