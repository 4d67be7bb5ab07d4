import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Me } from "../api/types";
import { LanguageSwitch } from "./LanguageSwitch";
import { ScreenSwitches } from "./ScreenSwitches";

type Props = { me: Me | undefined; onLogout: () => void; links: ReactNode; children?: ReactNode };

/** What a header offers on every page; on a phone behind one button, so that the page begins high. */
export function HeaderMenu({ me, onLogout, links, children }: Props): ReactNode {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <div className="header-tools">
      <LanguageSwitch />
      <Button
        type="text"
        className="header-more"
        aria-expanded={open}
        aria-controls="header-menu"
        onClick={() => setOpen(!open)}
      >
        {me?.name ?? "…"} <span aria-hidden="true">▾</span>
      </Button>
      <div id="header-menu" className="header-menu" data-open={open}>
        {links}
        <ScreenSwitches />
        {children}
        {me && (
          <Link className="header-user" to="/account" title={t("header.account")}>
            {t("header.loggedInAs", { name: me.name })}
          </Link>
        )}
        <Button type="text" onClick={onLogout}>
          {t("header.logout")}
        </Button>
      </div>
    </div>
  );
}
