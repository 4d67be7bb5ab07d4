import "./login.css";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { answer, api, client } from "../api/client";
import { CallFailure } from "../api/failure";
import { KEYS } from "../api/queries";
import { homeOf } from "../areas";
import { explain } from "../shared/explain";
import { TextField } from "../shared/forms";
import { LanguageSwitch } from "../shared/LanguageSwitch";
import { shortTime } from "../shared/time";

/** A relative makes a login of their own. The code is behind `#`: it never reaches a server's log. */
export default function InvitePage(): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [code] = useState(() => globalThis.location.hash.slice(1));
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [differ, setDiffer] = useState(false);
  useEffect(() => {
    document.title = `${t("invite.title")} · ${t("app.name")}`;
  }, [t]);
  const look = useQuery({
    queryKey: ["invitation", code],
    queryFn: () => answer(client.POST("/api/v1/family-invitations/look", { body: { code } })),
    retry: false,
    enabled: code !== "",
  });
  const accept = useMutation({
    mutationFn: async () => {
      await answer(client.POST("/api/v1/family-invitations/accept", { body: { code, username, password } }));
      return api.logIn(username, password, "");
    },
    onSuccess: (me) => {
      queryClient.clear();
      queryClient.setQueryData(KEYS.me, me);
      void navigate(homeOf(me), { replace: true });
    },
  });
  const gone = code === "" || (look.error instanceof CallFailure && look.error.status < 500 && look.error.status > 0);
  return (
    <main className="login">
      <form
        className="login-form"
        onSubmit={(event) => {
          event.preventDefault();
          setDiffer(password !== again);
          if (password === again && !accept.isPending) accept.mutate();
        }}
      >
        <div className="login-head">
          <img src="/icon.svg" alt="" width="56" height="56" />
          <div>
            <p className="login-hub">{look.data?.institution ?? t("app.hub")}</p>
            <h1>{t("invite.title")}</h1>
          </div>
        </div>
        {gone ? (
          <p role="alert" data-testid="invite-gone">
            {t("invite.gone")}
          </p>
        ) : look.data === undefined ? (
          <p role={look.error ? "alert" : "status"}>{look.error ? explain(t, look.error) : t("common.loading")}</p>
        ) : (
          <>
            <p>
              {t("invite.text", {
                name: look.data.name,
                elder: look.data.elder_name,
                until: shortTime(look.data.expires_at),
              })}
            </p>
            <TextField label={t("login.username")} value={username} onChange={setUsername} required testId="invite-username" />
            <TextField label={t("invite.password")} value={password} onChange={setPassword} type="password" required testId="invite-password" />
            <TextField label={t("invite.again")} value={again} onChange={setAgain} type="password" required testId="invite-again" />
            <div role="alert" className="login-failure">
              {differ ? t("invite.differ") : accept.error !== null && explain(t, accept.error)}
            </div>
            <Button type="primary" htmlType="submit" block data-testid="invite-submit" aria-disabled={accept.isPending}>
              {t("invite.submit")}
            </Button>
          </>
        )}
      </form>
      <LanguageSwitch />
    </main>
  );
}
