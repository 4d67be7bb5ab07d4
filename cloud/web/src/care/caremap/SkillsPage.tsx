import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { CARE_MAP_KEYS, careMap, type Responder, type Service } from "../../shared/caremap/calls";
import { useCareWords } from "../../shared/caremap/words";
import { DataTable } from "../../shared/DataTable";
import { Fetching } from "../../shared/Fetching";
import { CallForm, ChecksField, TextField } from "../../shared/forms";

/** Staff and paired helpers: what they can do, and how much at a time. */
export function SkillsPage(): ReactNode {
  const { t } = useTranslation("caremap");
  const [editing, setEditing] = useState<string | null>(null);
  const { data, failureReason } = useQuery({ queryKey: CARE_MAP_KEYS.responders, queryFn: careMap.responders });
  const services = data?.services ?? [];
  const words = useCareWords(services);
  if (data === undefined)
    return <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />;
  const person = data.responders.find(({ id }) => id === editing);
  return (
    <>
      <DataTable
        title={t("skills.title", { count: data.responders.length })}
        rows={data.responders}
        rowKey={({ id }) => id}
        empty={t("skills.empty")}
        columns={[
          { title: t("skills.name"), cell: (one) => one.name },
          { title: t("skills.who"), cell: (one) => <Who one={one} /> },
          {
            title: t("skills.can"),
            cell: (one) => (one.skills.length === 0 ? t("skills.none") : words.list(one.skills.map(words.service))),
          },
          {
            title: t("skills.capacity"),
            cell: (one) => (one.own_capacity === null ? t("skills.default", { count: one.capacity }) : one.capacity),
          },
          ...(data.may_change
            ? [
                {
                  title: t("skills.edit"),
                  cell: (one: Responder) => (
                    <Button aria-label={t("skills.editFor", { name: one.name })} onClick={() => setEditing(one.id)}>
                      {t("skills.edit")}
                    </Button>
                  ),
                },
              ]
            : []),
        ]}
      />
      <p>{t("skills.hint")}</p>
      {person && <Edit key={`${person.id}/${person.version}`} person={person} services={services} close={() => setEditing(null)} />}
    </>
  );
}

function Who({ one }: { one: Responder }): ReactNode {
  const { t } = useTranslation("caremap");
  if (one.paired_with !== null)
    return `${t("result.person.helper")} · ${t("skills.pairedWith", { name: one.paired_with })}`;
  return `${t("result.person.staff")} · ${t(one.on_duty ? "skills.onDuty" : "skills.offDuty")}`;
}

function Edit({ person, services, close }: { person: Responder; services: readonly Service[]; close: () => void }): ReactNode {
  const { t } = useTranslation("caremap");
  const words = useCareWords(services);
  const queryClient = useQueryClient();
  const [skills, setSkills] = useState(person.skills);
  const [capacity, setCapacity] = useState(person.own_capacity?.toString() ?? "");
  const send = async () => {
    await careMap.setResponder(person.id, { skills, capacity: capacity === "" ? null : Number(capacity), version: person.version });
    await queryClient.invalidateQueries({ queryKey: CARE_MAP_KEYS.responders });
    close();
  };
  return (
    <>
      <CallForm title={t("skills.formTitle", { name: person.name })} submit={t("skills.save")} onSubmit={send} testId="skills-form">
        <ChecksField
          label={t("skills.can")}
          value={skills}
          onChange={setSkills}
          options={services.filter(({ of }) => of.includes("responder")).map(({ key }) => ({ value: key, label: words.service(key) }))}
        />
        <TextField label={t("skills.capacityField")} type="number" value={capacity} onChange={setCapacity} />
      </CallForm>
      <Button onClick={close}>{t("skills.close")}</Button>
    </>
  );
}
