import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { refusedHere } from "../../api/failure";
import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { CallForm, TextField } from "../../shared/forms";
import { exchange, EXCHANGE_KEYS, objectOf } from "./calls";

/** Whose signed results are taken: added with their public key, ended, never deleted. */
export function Partners(): ReactNode {
  const { t } = useTranslation("exchange");
  const queryClient = useQueryClient();
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const { data } = useQuery({ queryKey: EXCHANGE_KEYS.partners, queryFn: exchange.partners });
  const again = () => queryClient.invalidateQueries({ queryKey: EXCHANGE_KEYS.partners });
  const add = async () => {
    const jwk = objectOf(key);
    if (jwk === null) throw refusedHere(t("keyNotJson"));
    await exchange.add(name, jwk);
    setName("");
    setKey("");
    await again();
  };
  const end = async (id: string) => {
    await exchange.end(id);
    await again();
  };
  return (
    <section aria-labelledby="exchange-partners">
      <h2 id="exchange-partners">{t("partners")}</h2>
      <p>
        {t("partnersHint")} <a href="/api/v1/exchange-keys">{t("ourKey")}</a>
      </p>
      {data !== undefined && (
        <DataTable
          title={t("partners")}
          rows={data}
          rowKey={({ id }) => id}
          empty="–"
          columns={[
            { title: t("partner"), cell: (row) => row.name },
            { title: t("key"), cell: (row) => <code>{row.key_id.slice(0, 12)}…</code> },
            { title: t("added"), cell: (row) => dayAndClock(row.created_at) },
            {
              title: t("state"),
              cell: (row) => (row.ended_at === null ? <AskButton label={t("end")} title={t("endAsk")} onAnswer={() => end(row.id)} /> : t("ended")),
            },
          ]}
        />
      )}
      <CallForm title={t("add")} submit={t("add")} onSubmit={add} testId="add-partner">
        <TextField label={t("partner")} value={name} onChange={setName} required />
        <TextField label={t("key")} value={key} onChange={setKey} required multiline />
      </CallForm>
    </section>
  );
}
