import "./login.css";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import Input from "antd/es/input";
import { type ReactNode, useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useNavigate, useSearchParams } from "react-router";

import { api } from "../api/client";
import { CallFailure } from "../api/failure";
import { KEYS } from "../api/queries";
import { backOf } from "../areas";
import { LanguageSwitch } from "../shared/LanguageSwitch";
import { explain } from "../shared/explain";
import { setIcon } from "../shared/tabTitle";

type Credentials = { username: string; password: string; code: string };

/** A throttled login waits this long when the server does not say. */
const WAIT_S = 30;

function useFailureText(error: Error | null): string | null {
  const { t } = useTranslation();
  if (error === null) return null;
  if (error instanceof CallFailure && error.code === "bad_login") return t("login.badLogin");
  if (error instanceof CallFailure && error.code === "second_factor_needed") {
    return t("login.codeNeeded");
  }
  if (error instanceof CallFailure && error.code === "bad_second_factor") return t("login.badCode");
  if (error instanceof CallFailure && error.status === 429) {
    return t("login.tooMany", { seconds: error.retryAfterS ?? WAIT_S });
  }
  return explain(t, error);
}

/** Why a sign-in with the house's own account did not come about: codes of /login?failed=... */
const OIDC_FAILURES = ["stale", "refused", "invalid", "unavailable", "unknown_user", "second_factor", "busy"] as const;

function useOidcFailureText(code: string | null): string | null {
  const { t } = useTranslation();
  if (code === null) return null;
  const known = OIDC_FAILURES.find((each) => code === `oidc_${each}`);
  return t(`login.oidc.${known ?? "invalid"}`);
}

/** The button to the house's own accounts, where there are any. A link: the browser goes there. */
function OtherWay(): ReactNode {
  const { t } = useTranslation();
  const ways = useQuery({ queryKey: KEYS.ways, queryFn: api.ways, staleTime: Infinity, retry: 2 });
  const oidc = ways.data?.oidc;
  if (!oidc) return null;
  return (
    <div className="login-other">
      <p>{t("login.or")}</p>
      <Button block href={oidc.start} data-testid="login-oidc">
        {oidc.label}
      </Button>
    </div>
  );
}

export default function LoginPage(): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const location = useLocation();
  const queryClient = useQueryClient();
  const [parameters] = useSearchParams();
  const [credentials, setCredentials] = useState<Credentials>({ username: "", password: "", code: "" });
  const [missing, setMissing] = useState(false);
  const [asksCode, setAsksCode] = useState(false);
  const codeId = useId();
  const usernameId = useId();
  const passwordId = useId();

  const logIn = useMutation({
    mutationFn: ({ username, password, code }: Credentials) => api.logIn(username, password, code),
    onError: (error) => {
      if (error instanceof CallFailure && error.code === "second_factor_needed") setAsksCode(true);
    },
    onSuccess: (me) => {
      queryClient.clear();
      queryClient.setQueryData(KEYS.me, me);
      void navigate(backOf(me, (location.state as { from?: unknown } | null)?.from), { replace: true });
    },
  });
  const ownFailure = useFailureText(logIn.error);
  const oidcFailure = useOidcFailureText(parameters.get("failed"));
  const failure = ownFailure ?? oidcFailure;

  useEffect(() => {
    document.title = `${t("login.title")} · ${t("app.name")}`;
    setIcon(0, false);
  }, [t]);

  const submit = () => {
    if (logIn.isPending) return;
    const username = credentials.username.trim();
    const incomplete = username === "" || credentials.password === "";
    setMissing(incomplete);
    if (!incomplete) logIn.mutate({ ...credentials, username, code: credentials.code.trim() });
  };

  return (
    <main className="login">
      {parameters.has("expired") && (
        <div className="banner" role="alert">
          <strong>{t("login.expired")}</strong>
        </div>
      )}
      <form
        className="login-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <div className="login-head">
          <img src="/icon.svg" alt="" width="56" height="56" />
          <div>
            <p className="login-hub">{t("app.hub")}</p>
            <h1>{t("login.title")}</h1>
          </div>
        </div>
        <label htmlFor={usernameId}>{t("login.username")}</label>
        <Input
          id={usernameId}
          data-testid="login-username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          value={credentials.username}
          onChange={(event) => setCredentials({ ...credentials, username: event.target.value })}
        />
        <label htmlFor={passwordId}>{t("login.password")}</label>
        <Input
          id={passwordId}
          type="password"
          data-testid="login-password"
          autoComplete="current-password"
          value={credentials.password}
          onChange={(event) => setCredentials({ ...credentials, password: event.target.value })}
        />
        {asksCode && (
          <>
            <label htmlFor={codeId}>{t("login.code")}</label>
            <Input
              id={codeId}
              data-testid="login-code"
              autoComplete="one-time-code"
              autoCapitalize="none"
              spellCheck={false}
              value={credentials.code}
              onChange={(event) => setCredentials({ ...credentials, code: event.target.value })}
            />
          </>
        )}
        <div role="alert" className="login-failure">
          {missing ? t("login.missing") : failure}
        </div>
        <Button
          type="primary"
          htmlType="submit"
          block
          data-testid="login-submit"
          aria-disabled={logIn.isPending}
        >
          {logIn.isPending ? t("login.submitting") : t("login.submit")}
        </Button>
        <OtherWay />
      </form>
      <LanguageSwitch />
    </main>
  );
}
