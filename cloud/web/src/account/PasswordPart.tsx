import { useMutation, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { KEYS } from "../api/queries";
import { explain } from "../shared/explain";
import { accountApi } from "./api";
import { Field } from "./Field";

/** The present password, the new one twice. */
export function PasswordPart(): ReactNode {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [present, setPresent] = useState("");
  const [wanted, setWanted] = useState("");
  const [again, setAgain] = useState("");
  const [differ, setDiffer] = useState(false);
  const change = useMutation({
    mutationFn: () => accountApi.changePassword(present, wanted),
    onSuccess: async () => {
      setPresent("");
      setWanted("");
      setAgain("");
      await queryClient.invalidateQueries({ queryKey: KEYS.me });
    },
  });
  return (
    <section>
      <h2>{t("password.title")}</h2>
      <form
        className="account-form"
        onSubmit={(event) => {
          event.preventDefault();
          setDiffer(wanted !== again);
          if (wanted === again && !change.isPending) change.mutate();
        }}
      >
        <Field
          label={t("password.current")}
          type="password"
          autoComplete="current-password"
          value={present}
          onChange={setPresent}
        />
        <Field
          label={t("password.wanted")}
          type="password"
          autoComplete="new-password"
          value={wanted}
          onChange={setWanted}
        />
        <Field
          label={t("password.again")}
          type="password"
          autoComplete="new-password"
          value={again}
          onChange={setAgain}
        />
        <div role="alert">
          {differ && t("password.differ")}
          {change.error !== null && t("wrong", { why: explain(common, change.error) })}
        </div>
        <div role="status">{change.isSuccess && t("password.done")}</div>
        <Button type="primary" htmlType="submit">
          {t("password.submit")}
        </Button>
      </form>
    </section>
  );
}
