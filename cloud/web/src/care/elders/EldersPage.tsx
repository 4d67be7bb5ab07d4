import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, Route, Routes, useNavigate } from "react-router";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { ActionButton, CallForm, SelectField, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { OpenOther } from "./BreakGlass";
import { ELDER_KEYS, elders } from "./calls";

const ElderRecordPage = lazy(() => import("./ElderRecordPage"));

/** All elders, and the record of one. */
export default function EldersPage(): ReactNode {
  return (
    <Routes>
      <Route path=":elderId" element={<ElderRecordPage />} />
      <Route path="*" element={<ElderList />} />
    </Routes>
  );
}

function ElderList(): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const [q, setQ] = useState("");
  const [which, setWhich] = useState<"" | "home_only" | "everybody">("");
  const [after, setAfter] = useState<string | null>(null);
  const query = { ...(q ? { q } : {}), ...(which ? { [which]: true } : {}), ...(after ? { after } : {}) };
  const { data, failureReason } = useQuery({
    queryKey: ELDER_KEYS.list(query),
    queryFn: () => elders.list(query),
  });
  return (
    <>
      <div className="tools">
        <TextField
          label={t("search")}
          value={q}
          type="search"
          testId="elders-search"
          onChange={(value) => {
            setQ(value);
            setAfter(null);
          }}
        />
        <SelectField
          label={t("place")}
          value={which}
          onChange={(value) => {
            setWhich(value as typeof which);
            setAfter(null);
          }}
          options={[
            { value: "", label: t("list") },
            { value: "home_only", label: t("homeOnly") },
            { value: "everybody", label: t("everybody") },
          ]}
        />
      </div>
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && (
        <DataTable
          title={t("list")}
          rows={data.elders}
          rowKey={({ id }) => id}
          empty={t("none")}
          columns={[
            { title: t("name"), cell: (row) => <Link to={`/care/elders/${row.id}`}>{row.name}</Link> },
            { title: t("sex"), cell: (row) => t(row.sex) },
            { title: t("age"), cell: (row) => t("years", { age: row.age }) },
            { title: t("place"), cell: (row) => row.place?.label ?? t("noPlace") },
          ]}
        />
      )}
      {data?.next && (
        <ActionButton
          label={t("more")}
          onPress={() => {
            setAfter(data.next ?? null);
            return Promise.resolve();
          }}
        />
      )}
      {me?.permissions.includes("break_glass") && !me.permissions.includes("records_all_units") && <OpenOther />}
      {me?.permissions.includes("records_write") && <AddElder />}
    </>
  );
}

function AddElder(): ReactNode {
  const { t } = useTranslation("elders");
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [sex, setSex] = useState<"female" | "male">("female");
  const [birth, setBirth] = useState("");
  const [note, setNote] = useState("");
  const add = async () => {
    const made = await elders.add({ name, sex, birth_date: birth, care_note: note, phone: "" });
    void navigate(`/care/elders/${made.id}`);
  };
  return (
    <CallForm title={t("add")} submit={t("add")} onSubmit={add} testId="add-elder">
      <TextField label={t("name")} value={name} onChange={setName} required testId="elder-name" />
      <SelectField
        label={t("sex")}
        value={sex}
        onChange={(value) => setSex(value as typeof sex)}
        options={[
          { value: "female", label: t("female") },
          { value: "male", label: t("male") },
        ]}
      />
      <TextField label={t("birth")} value={birth} onChange={setBirth} type="date" required testId="elder-birth" />
      <TextField label={t("careNote")} value={note} onChange={setNote} multiline />
    </CallForm>
  );
}
