import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { CallForm, ChecksField, localNow, SelectField, TextField } from "../../shared/forms";
import { VISIT_KEYS, visits } from "../visits/calls";
import { useWord } from "../visits/words";
import { BED_KEYS, beds, type HomeBed, type MoveIn, type ServiceKind, SERVICES } from "./calls";

const THIRTEEN_MONTHS_MS = 396 * 86_400_000;

/** The form of the next step: it asks for what that step needs and nothing else. */
export function NextMove({ data }: { data: HomeBed }): ReactNode {
  const { t } = useTranslation("homebeds");
  const queryClient = useQueryClient();
  const [more, setMore] = useState<Partial<MoveIn>>({});
  const [reason, setReason] = useState("");
  const move = data.row.next;
  if (move === null) return null;
  const send = async () => {
    await beds.move(data.row.id, { move, reason, ...more });
    await queryClient.invalidateQueries({ queryKey: BED_KEYS.all });
  };
  return (
    <CallForm title={t("nextTitle", { move: t(`move.${move}`) })} submit={t(`move.${move}`)} onSubmit={send} testId={`move-${move}`}>
      {move === "plan" && <PlanFields onChange={setMore} />}
      {move === "agree" && <AgreementFields onChange={setMore} />}
      {move === "begin_fitting" && <HomeFields onChange={setMore} />}
      {move === "accept" && <AcceptanceFields onChange={setMore} />}
      <TextField
        label={t(move === "review" ? "reviewResult" : "note")}
        value={reason}
        onChange={setReason}
        required={move === "review"}
        multiline
      />
    </CallForm>
  );
}

type FieldsProps = { onChange: (more: Partial<MoveIn>) => void };

function PlanFields({ onChange }: FieldsProps): ReactNode {
  const { t } = useTranslation("homebeds");
  const word = useWord();
  const { data: settings } = useQuery({ queryKey: VISIT_KEYS.settings, queryFn: visits.settings });
  const [services, setServices] = useState<string[]>([]);
  const [group, setGroup] = useState("key");
  const [text, setText] = useState("");
  const tell = (next: { services?: string[]; group?: string; text?: string }) => {
    const all = { services, group, text, ...next };
    setServices(all.services);
    setGroup(all.group);
    setText(all.text);
    onChange({ plan: { services: all.services as ServiceKind[], visit_group: all.group, text: all.text } });
  };
  return (
    <>
      <ChecksField
        label={t("services")}
        value={services}
        onChange={(value) => tell({ services: value })}
        options={SERVICES.map((value) => ({ value, label: t(`service.${value}`) }))}
      />
      <SelectField
        label={t("visitGroup")}
        value={group}
        onChange={(value) => tell({ group: value })}
        options={settings?.groups.map((one) => ({ value: one.key, label: word(one) })) ?? []}
      />
      <TextField label={t("planText")} value={text} onChange={(value) => tell({ text: value })} multiline />
    </>
  );
}

function AgreementFields({ onChange }: FieldsProps): ReactNode {
  const { t } = useTranslation("homebeds");
  const [held, setHeld] = useState({ text_version: "", signer: "", signed_on: localNow().slice(0, 10), valid_until: "" });
  const tell = (next: Partial<typeof held>) => {
    const all = { ...held, ...next };
    setHeld(all);
    onChange({ agreement: { ...all, valid_until: all.valid_until || null } });
  };
  return (
    <>
      <TextField label={t("textVersion")} value={held.text_version} onChange={(value) => tell({ text_version: value })} required testId="agreement-text" />
      <TextField label={t("signer")} value={held.signer} onChange={(value) => tell({ signer: value })} required testId="agreement-signer" />
      <TextField label={t("signedOn")} type="date" value={held.signed_on} onChange={(value) => tell({ signed_on: value })} required />
      <TextField label={t("validUntil")} type="date" value={held.valid_until} onChange={(value) => tell({ valid_until: value })} />
    </>
  );
}

function HomeFields({ onChange }: FieldsProps): ReactNode {
  const { t } = useTranslation("homebeds");
  const [held, setHeld] = useState({ name: "", address: "", entry: "" });
  const tell = (next: Partial<typeof held>) => {
    const all = { ...held, ...next };
    setHeld(all);
    onChange({ new_home: all });
  };
  return (
    <>
      <TextField label={t("homeName")} value={held.name} onChange={(value) => tell({ name: value })} required testId="new-home-name" />
      <TextField label={t("homeAddress")} value={held.address} onChange={(value) => tell({ address: value })} />
      <TextField label={t("homeEntry")} value={held.entry} onChange={(value) => tell({ entry: value })} />
    </>
  );
}

function AcceptanceFields({ onChange }: FieldsProps): ReactNode {
  const { t } = useTranslation("homebeds");
  const [held, setHeld] = useState(() => ({
    accepted_by: "",
    warranty_until: localNow(Date.now() + THIRTEEN_MONTHS_MS).slice(0, 10),
  }));
  const tell = (next: Partial<typeof held>) => {
    const all = { ...held, ...next };
    setHeld(all);
    onChange({ acceptance: all });
  };
  return (
    <>
      <TextField label={t("acceptedBy")} value={held.accepted_by} onChange={(value) => tell({ accepted_by: value })} required testId="accepted-by" />
      <TextField label={t("warrantyUntil")} type="date" value={held.warranty_until} onChange={(value) => tell({ warranty_until: value })} required />
    </>
  );
}
