import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { CallForm, ChecksField, localNow, SelectField, TextField, toIso } from "../../shared/forms";
import { type ConsentIn, ELDER_KEYS, elders, type FamilyIn, type FamilyMember } from "./calls";
import { FamilyReach } from "./FamilyReach";
import type { Part } from "./ElderRecordPage";

type Kind = NonNullable<FamilyIn["may_see"]>[number];
const KINDS: readonly Kind[] = ["presence", "night", "alerts", "coverage", "vitals", "location", "visits", "entitlements"];
const PURPOSES: readonly ConsentIn["purpose"][] = ["safety", "vitals", "location", "family_sharing", "district_sharing"];

/** Relatives, what each may see, and what each sees now. */
export function Family({ id, may, done }: Part): ReactNode {
  const { t } = useTranslation("elders");
  const { data } = useQuery({ queryKey: ELDER_KEYS.part(id, "family"), queryFn: () => elders.family(id) });
  const [name, setName] = useState("");
  const [relationship, setRelationship] = useState("");
  const [phone, setPhone] = useState("");
  const [username, setUsername] = useState("");
  const [role, setRole] = useState<"relative" | "helper">("relative");
  const [seen, setSeen] = useState<string[]>(["presence", "night", "alerts", "coverage"]);
  const words = (kinds: readonly Kind[]) => kinds.map((kind) => t(`see.${kind}`)).join("、") || t("nothing");
  const manages = may("consents_manage");
  const add = async () => {
    const may_see = KINDS.filter((kind) => seen.includes(kind));
    await elders.addFamily(id, { name, relationship, phone, username: username || null, may_see, role }).then(done);
  };
  return (
    <>
      <DataTable
        title={t("family")}
        rows={(data?.family ?? []).filter(({ ended_at }) => ended_at === null)}
        rowKey={(row) => row.id}
        empty={t("noFamily")}
        columns={[
          { title: t("name"), cell: (row) => `${row.name}（${row.relationship}${row.role === "helper" ? `，${t("roles.helper")}` : ""}）` },
          { title: t("phone"), cell: (row) => row.phone },
          ...(manages ? [{ title: t("reach.how"), cell: (row: FamilyMember) => <FamilyReach elderId={id} member={row} /> }] : []),
          { title: t("maySee"), cell: (row) => words(row.may_see) },
          { title: t("sees"), cell: (row) => words(row.sees_now) },
          {
            title: t("endFamily"),
            cell: (row) =>
              manages && (
                <AskButton
                  label={t("endFamily")}
                  title={t("endAsk", { name: row.name })}
                  onAnswer={async () => {
                    await elders.endFamily(id, row).then(done);
                  }}
                />
              ),
          },
        ]}
      />
      {manages && (
        <CallForm title={t("addFamily")} submit={t("addFamily")} onSubmit={add}>
          <TextField label={t("name")} value={name} onChange={setName} required />
          <TextField label={t("relationship")} value={relationship} onChange={setRelationship} required />
          <SelectField
            label={t("role")}
            value={role}
            onChange={(value) => {
              setRole(value as "relative" | "helper");
              if (value === "helper") setSeen(["alerts"]);
            }}
            options={(["relative", "helper"] as const).map((value) => ({ value, label: t(`roles.${value}`) }))}
          />
          <TextField label={t("phone")} value={phone} onChange={setPhone} type="tel" />
          <TextField label={t("login")} value={username} onChange={setUsername} />
          <ChecksField
            label={t("maySee")}
            value={seen}
            onChange={setSeen}
            options={KINDS.map((value) => ({ value, label: t(`see.${value}`) }))}
          />
        </CallForm>
      )}
    </>
  );
}

/** Who agreed to what, on which text; withdrawn as easily as given. */
export function Consents({ id, page, may, done }: Part): ReactNode {
  const { t } = useTranslation("elders");
  const { data } = useQuery({ queryKey: ELDER_KEYS.part(id, "consents"), queryFn: () => elders.consents(id) });
  const { data: family } = useQuery({ queryKey: ELDER_KEYS.part(id, "family"), queryFn: () => elders.family(id) });
  const [purpose, setPurpose] = useState<ConsentIn["purpose"]>("safety");
  const [text, setText] = useState("");
  const [signer, setSigner] = useState<ConsentIn["signer"]>("self");
  const [signerName, setSignerName] = useState(page.record.name);
  const [proof, setProof] = useState("");
  const [member, setMember] = useState("");
  const [kinds, setKinds] = useState<string[]>([]);
  const [from, setFrom] = useState(localNow());
  const shares = purpose === "family_sharing";
  const add = async () => {
    const body: ConsentIn = {
      purpose,
      text_version: text,
      signer,
      signer_name: signerName,
      proof,
      valid_from: toIso(from),
      ...(shares ? { family_member_id: member, kinds: KINDS.filter((kind) => kinds.includes(kind)) } : {}),
    };
    await elders.addConsent(id, body).then(done);
  };
  const manages = may("consents_manage");
  return (
    <>
      <DataTable
        title={t("consents")}
        rows={data?.consents ?? []}
        rowKey={(row) => row.id}
        empty={t("noConsents")}
        columns={[
          { title: t("what"), cell: (row) => t(`purpose.${row.purpose}`) },
          { title: t("textVersion"), cell: (row) => row.text_version },
          { title: t("signerName"), cell: (row) => row.signer_name },
          {
            title: t("level"),
            cell: (row) => (row.in_force ? t("inForce") : row.withdrawn_at === null ? t("ended") : t("withdrawn")),
          },
          {
            title: t("withdraw"),
            cell: (row) =>
              manages &&
              row.withdrawn_at === null && (
                <AskButton
                  label={t("withdraw")}
                  title={t("withdrawAsk")}
                  questions={[{ name: "by", label: t("withdrawBy"), required: true, initial: row.signer_name }]}
                  onAnswer={async ({ by = "" }) => {
                    await elders.withdraw(id, row.id, by).then(done);
                  }}
                />
              ),
          },
        ]}
      />
      {manages && (
        <CallForm title={t("addConsent")} submit={t("addConsent")} onSubmit={add} testId="add-consent">
          <SelectField
            label={t("what")}
            value={purpose}
            testId="consent-purpose"
            onChange={(value) => setPurpose(value as ConsentIn["purpose"])}
            options={PURPOSES.map((value) => ({ value, label: t(`purpose.${value}`) }))}
          />
          <TextField label={t("textVersion")} value={text} onChange={setText} required testId="consent-text" />
          <SelectField
            label={t("signer")}
            value={signer}
            onChange={(value) => setSigner(value as ConsentIn["signer"])}
            options={[
              { value: "self", label: t("signerSelf") },
              { value: "guardian", label: t("signerGuardian") },
            ]}
          />
          <TextField label={t("signerName")} value={signerName} onChange={setSignerName} required />
          {signer === "guardian" && <TextField label={t("proof")} value={proof} onChange={setProof} required />}
          <TextField label={t("from")} value={from} onChange={setFrom} type="datetime-local" required />
          {shares && (
            <>
              <SelectField
                label={t("to")}
                value={member}
                onChange={setMember}
                required
                options={[
                  { value: "", label: t("nothing") },
                  ...(family?.family ?? []).map((each) => ({ value: each.id, label: each.name })),
                ]}
              />
              <ChecksField
                label={t("what")}
                value={kinds}
                onChange={setKinds}
                options={KINDS.map((value) => ({ value, label: t(`see.${value}`) }))}
              />
            </>
          )}
        </CallForm>
      )}
    </>
  );
}
