import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { ActionButton, CallForm, TextField } from "../../shared/forms";
import { type Contact, elders } from "./calls";
import type { Part } from "./ElderRecordPage";

/** Whom to call in an emergency, first of all first. */
export function Contacts({ id, page, may, done }: Part): ReactNode {
  const { t } = useTranslation("elders");
  const [name, setName] = useState("");
  const [relationship, setRelationship] = useState("");
  const [phone, setPhone] = useState("");
  const held: Contact[] = page.contacts.map(({ name, relationship, phone, note }) => ({ name, relationship, phone, note }));
  const put = async (contacts: Contact[]) => {
    await elders.contacts(id, contacts).then(done);
  };
  const writes = may("records_write");
  return (
    <>
      <DataTable
        title={t("contacts")}
        rows={page.contacts}
        rowKey={(row) => String(row.rank)}
        empty={t("noContacts")}
        columns={[
          { title: t("name"), cell: (row) => `${row.rank}. ${row.name}` },
          { title: t("relationship"), cell: (row) => row.relationship },
          { title: t("phone"), cell: (row) => <a href={`tel:${row.phone}`}>{row.phone}</a> },
          {
            title: t("remove"),
            cell: (row) =>
              writes && (
                <ActionButton
                  label={t("remove")}
                  onPress={() => put(held.filter((_each, index) => index !== row.rank - 1))}
                />
              ),
          },
        ]}
      />
      {writes && (
        <CallForm
          title={t("addContact")}
          submit={t("addContact")}
          testId="add-contact"
          onSubmit={() => put([...held, { name, relationship, phone, note: "" }])}
        >
          <TextField label={t("name")} value={name} onChange={setName} required />
          <TextField label={t("relationship")} value={relationship} onChange={setRelationship} required />
          <TextField label={t("phone")} value={phone} onChange={setPhone} type="tel" required />
        </CallForm>
      )}
    </>
  );
}
