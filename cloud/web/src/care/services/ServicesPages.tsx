import "./services.css";

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Route, Routes } from "react-router";

import { Handbook } from "../../shared/Handbook";
import { useMe } from "../../shared/useMe";
import { ChangesPage } from "./ChangesPage";
import { EditorPage } from "./EditorPage";
import { RulesPage } from "./RulesPage";
import { TasksPage } from "./TasksPage";

const ROOT = "/care/services";

/** The basic care service list: what to do, what changed, the rules, and the handbook. */
export default function ServicesPages(): ReactNode {
  const { t } = useTranslation("services");
  const { me } = useMe();
  const keeps = me?.permissions.includes("alert_rules_manage") ?? false;
  return (
    <>
      <nav className="service-nav no-print" aria-label={t("nav.label")}>
        <NavLink to={ROOT} end>
          {t("nav.tasks")}
        </NavLink>
        <NavLink to={`${ROOT}/changes`}>{t("nav.changes")}</NavLink>
        {keeps && <NavLink to={`${ROOT}/rules`}>{t("nav.rules")}</NavLink>}
        <NavLink to={`${ROOT}/handbook`}>{t("nav.handbook")}</NavLink>
      </nav>
      <Routes>
        <Route index element={<TasksPage />} />
        <Route path="changes" element={<ChangesPage />} />
        <Route path="rules" element={<RulesPage />} />
        <Route path="rules/:setId" element={<EditorPage />} />
        <Route path="handbook" element={<Handbook />} />
      </Routes>
    </>
  );
}
