import Button from "antd/es/button";
import { type ReactNode, type SyntheticEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "../../shared/explain";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { type Given, handovers, type Sheet, type Signature } from "./calls";

type Sign = (call: () => Promise<{ id: string; state: string }>) => Promise<void>;

type Proof = { username: string; password: string; code: string };
const signatureOf = ({ username, password, code }: Proof): Signature => ({
  username: username.trim() || null, password, code: code.trim() || null,
});

function ProofFields({ proof, change, testId }: { proof: Proof; change: (proof: Proof) => void; testId: string }): ReactNode {
  const { t } = useTranslation("handover");
  return (
    <>
      <TextField
        label={t("username")} value={proof.username} onChange={(username) => change({ ...proof, username })} required
        testId={`${testId}-username`} hint={t("signHint")}
      />
      <TextField
        label={t("password")} type="password" value={proof.password} onChange={(password) => change({ ...proof, password })}
        testId={`${testId}-password`}
      />
      <TextField label={t("code")} value={proof.code} onChange={(code) => change({ ...proof, code })} testId={`${testId}-code`} />
    </>
  );
}

/** Whoever ends the shift signs what they have read. */
export function GiveForm({ sheet, unitId, shift, sign }: { sheet: Sheet; unitId: string; shift: string; sign: Sign }): ReactNode {
  const { t } = useTranslation("handover");
  const { me } = useMe();
  const [proof, setProof] = useState<Proof>({ username: me?.username ?? "", password: "", code: "" });
  const [words, setWords] = useState("");
  const [named, setNamed] = useState("");
  const texts = sheet.given === null ? ("give" as const) : ("giveAgain" as const);
  const give = async () => {
    await sign(() =>
      handovers.give({
        unit_id: unitId, shift_starts_at: shift, read_sha256: sheet.sha256, revision: sheet.revision, named_id: named || null,
        words, signature: signatureOf(proof),
      }),
    );
  };
  const again = sheet.given !== null && sheet.handover?.state === "given";
  const form = (
    <CallForm title={t(`${texts}.title`)} submit={t(`${texts}.submit`)} onSubmit={give} testId="give-form">
      <TextField label={t("words")} value={words} onChange={setWords} multiline testId="give-words" />
      <SelectField
        label={t("name")}
        value={named}
        onChange={setNamed}
        options={[{ value: "", label: t("nobodyNamed") }, ...sheet.staff.map(({ id, name }) => ({ value: id, label: name }))]}
      />
      <ProofFields proof={proof} change={setProof} testId="give" />
    </CallForm>
  );
  if (!again) return <div className="no-print">{form}</div>;
  return (
    <details className="no-print">
      <summary>{t("giveAgain.title")}</summary>
      {form}
    </details>
  );
}

/** Whoever begins the next shift has read the snapshot and what has changed, and signs or objects. */
export function TakeForm({ sheet, given, sign }: { sheet: Sheet; given: Given; sign: Sign }): ReactNode {
  const { t } = useTranslation("handover");
  const { t: common } = useTranslation();
  const id = useId();
  const [proof, setProof] = useState<Proof>({ username: "", password: "", code: "" });
  const [words, setWords] = useState("");
  const [read, setRead] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const handoverId = sheet.handover?.id ?? "";
  const send = async (step: "take" | "object") => {
    if (!read) {
      setFailure(t("readFirst"));
      return;
    }
    setBusy(true);
    setFailure(null);
    const body = {
      snapshot_sha256: given.sha256, read_sha256: given.read_sha256, words: words.trim(), signature: signatureOf(proof),
    };
    try {
      await sign(() => handovers[step](handoverId, body));
    } catch (problem) {
      setFailure(explain(common, problem));
    } finally {
      setBusy(false);
    }
  };
  const take = (event: SyntheticEvent) => {
    event.preventDefault();
    void send("take");
  };
  return (
    <form className="call-form no-print" aria-labelledby={id} data-testid="take-form" onSubmit={take}>
      <h2 id={id}>{t("take.title")}</h2>
      <label className="handover-read">
        <input type="checkbox" checked={read} onChange={({ target }) => setRead(target.checked)} data-testid="take-read" />
        {t("readAll", { count: given.changes.length })}
      </label>
      <div className="call-form-fields">
        <ProofFields proof={proof} change={setProof} testId="take" />
        <TextField label={t("objectWords")} value={words} onChange={setWords} multiline testId="take-words" />
      </div>
      <div className="call-form-end">
        <Button type="primary" htmlType="submit" loading={busy} data-testid="take-submit">
          {t("take.submit")}
        </Button>
        <Button onClick={() => void send("object")} disabled={busy} data-testid="take-object">
          {t("take.object")}
        </Button>
        {failure !== null && <span role="alert">{failure}</span>}
      </div>
    </form>
  );
}
