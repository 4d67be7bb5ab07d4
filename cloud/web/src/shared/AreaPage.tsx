import "./frame.css";

import { useQueryClient } from "@tanstack/react-query";
import { type ComponentType, type ReactNode, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, NavLink, Route, Routes, useLocation, useNavigate } from "react-router";

import { api } from "../api/client";
import type { Permission } from "../api/types";
import { AREAS, type AreaName } from "../areas";
import { AreaLinks } from "./AreaLinks";
import { mayOpenOffline } from "./bedside";
import { explain } from "./explain";
import { HeaderMenu } from "./HeaderMenu";
import { setIcon } from "./tabTitle";
import { useMe } from "./useMe";
import { Waiting } from "./Waiting";

/** A page of an area. `path` is relative to the area; a page may have routes of its own. */
export type Section = {
  path: string;
  label: string;
  Page: ComponentType;
  /** Shown to who has it; without: to everybody here. */
  permission?: Permission;
  /** Opens without a network too, with what this device keeps (shared/bedside.ts). */
  offline?: true;
};

/** Everything but the desk: who and where, the area's sections, and the one that is open. */
export function AreaPage({ area, sections: all }: { area: AreaName; sections: readonly Section[] }): ReactNode {
  const { t } = useTranslation();
  const { me, error } = useMe();
  const sections = all.filter(
    ({ permission }) => permission === undefined || me?.permissions.includes(permission),
  );
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const { pathname } = useLocation();
  const [failure, setFailure] = useState<string | null>(null);
  const root = AREAS.find(({ name }) => name === area)?.path ?? "/";
  const open = sections.find(({ path }) => pathname.startsWith(`${root}/${path}`));

  const title = [open?.label, t(`area.${area}`), t("app.name")].filter(Boolean).join(" · ");
  useEffect(() => {
    document.title = title;
    setIcon(0, false);
  }, [title]);

  const logOut = async () => {
    try {
      await api.logOut();
    } catch (problem) {
      setFailure(t("header.logoutFailed", { why: explain(t, problem) }));
      return;
    }
    queryClient.clear();
    void navigate("/login", { replace: true });
  };

  const first = sections[0];
  // Nobody can be asked who this is; what this device keeps may be gone on with.
  const offline = me === undefined && error !== null && open?.offline === true && mayOpenOffline();
  return (
    <>
      <a className="skip-link" href="#content">
        {t("area.skip")}
      </a>
      <header className="header">
        <div className="header-title">
          <h1>
            {me?.institution.name ?? t("app.name")} <span>{t(`area.${area}`)}</span>
          </h1>
        </div>
        <HeaderMenu me={me} onLogout={() => void logOut()} links={<AreaLinks me={me} current={area} />} />
      </header>
      {sections.length > 1 && (
        <nav className="area-nav" aria-label={t("area.sections")}>
          {sections.map(({ path, label }) => (
            <NavLink key={path} to={`${root}/${path}`}>
              {label}
            </NavLink>
          ))}
        </nav>
      )}
      <main className="area" id="content">
        {(failure ?? error) !== null && <p role="alert">{failure ?? explain(t, error)}</p>}
        {(me !== undefined || offline) && (
          <Suspense fallback={<Waiting />}>
            <Routes>
              {sections.map(({ path, Page }) => (
                <Route key={path} path={`${path}/*`} element={<Page />} />
              ))}
              {first && <Route path="*" element={<Navigate to={`${root}/${first.path}`} replace />} />}
            </Routes>
          </Suspense>
        )}
      </main>
    </>
  );
}
