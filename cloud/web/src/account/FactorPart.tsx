import { useMutation, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { KEYS } from "../api/queries";
import type { Me } from "../api/types";
import { explain } from "../shared/explain";
import { accountApi } from "./api";
import { Field } from "./Field";

/** Setting up a second factor, and switching it off; both ask for the password. */
export function FactorPart({ me }: { me: Me }): ReactNode {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const again = () => queryClient.invalidateQueries({ queryKey: KEYS.me });
  const begin = useMutation({
    mutationFn: () => accountApi.beginFactor(password),
    onSuccess: () => setPassword(""),
  });
  const confirm = useMutation({
    mutationFn: () => accountApi.confirmFactor(code),
    onSuccess: async () => {
      setCode("");
      begin.reset();
      await again();
    },
  });
  const remove = useMutation({
    mutationFn: () => accountApi.removeFactor(password),
    onSuccess: async () => {
      setPassword("");
      confirm.reset();
      await again();
    },
  });
  const error = begin.error ?? confirm.error ?? remove.error;
  return (
    <section>
      <h2>{t("factor.title")}</h2>
      <p>{me.second_factor ? t("factor.on") : t("factor.off")}</p>
      <div role="alert">{error !== null && t("wrong", { why: explain(common, error) })}</div>
      {begin.data === undefined ? (
        <form
          className="account-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (me.second_factor) remove.mutate();
            else begin.mutate();
          }}
        >
          <Field
            label={t("password.current")}
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={setPassword}
          />
          <Button htmlType="submit">{me.second_factor ? t("factor.remove") : t("factor.begin")}</Button>
        </form>
      ) : (
        <form
          className="account-form"
          onSubmit={(event) => {
            event.preventDefault();
            confirm.mutate();
          }}
        >
          <p>{t("factor.scan")}</p>
          <img
            className="account-qr"
            alt={t("factor.qr")}
            src={`data:image/svg+xml;utf8,${encodeURIComponent(begin.data.qr_svg)}`}
          />
          <p>{t("factor.secret", { secret: begin.data.secret })}</p>
          <Field label={t("factor.code")} autoComplete="one-time-code" value={code} onChange={setCode} />
          <Button type="primary" htmlType="submit">
            {t("factor.confirm")}
          </Button>
        </form>
      )}
      {confirm.data !== undefined && (
        <div role="status">
          <p>{t("factor.codes")}</p>
          <ul className="account-codes">
            {confirm.data.recovery_codes.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
