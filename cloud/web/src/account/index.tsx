import "./account.css";
import "../shared/frame.css";

import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { workOf } from "../areas";
import { addTexts } from "../i18n";
import { explain } from "../shared/explain";
import { LanguageSwitch } from "../shared/LanguageSwitch";
import { useMe } from "../shared/useMe";
import { FactorPart } from "./FactorPart";
import { PasswordPart } from "./PasswordPart";
import { ReachPart } from "./ReachPart";
import { SessionsPart } from "./SessionsPart";
import * as texts from "./texts";

addTexts("account", texts);

/** One's own password, second factor and logins; where a login leads that must set these first. */
export default function AccountPage(): ReactNode {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation();
  const { me, error } = useMe();
  useEffect(() => {
    document.title = `${t("title")} · ${common("app.name")}`;
  }, [t, common]);
  return (
    <>
      <header className="header">
        <div className="header-title">
          <h1>{t("title")}</h1>
        </div>
        <div className="header-tools">
          {me?.restriction === null && <Link to={workOf(me)}>{t("back")}</Link>}
          <LanguageSwitch />
        </div>
      </header>
      <main className="area" id="content">
        {error !== null && <p role="alert">{explain(common, error)}</p>}
        {me?.restriction === "password_change" && (
          <p className="banner" role="status">
            {t("mustChange")}
          </p>
        )}
        {me?.restriction === "second_factor" && (
          <p className="banner" role="status">
            {t("mustEnrol")}
          </p>
        )}
        {me !== undefined && (
          <>
            {me.restriction === null && <ReachPart me={me} />}
            <PasswordPart />
            <FactorPart me={me} />
            <SessionsPart />
          </>
        )}
      </main>
    </>
  );
}
