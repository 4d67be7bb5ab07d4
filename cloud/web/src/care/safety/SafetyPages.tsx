import "./safety.css";

import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Route, Routes } from "react-router";

import { useMe } from "../../shared/useMe";
import { IncidentPage } from "./IncidentPage";
import { IncidentsPage } from "./IncidentsPage";
import { RegisterPage } from "./RegisterPage";

const OpenRisksPage = lazy(() => import("../elders/OpenRisksPage"));
const ROOT = "/care/risks";

/** The nine risks of everybody, what is to be assessed, and the incident register. */
export default function SafetyPages(): ReactNode {
  const { t } = useTranslation("safety");
  const { me } = useMe();
  const care = me?.permissions.includes("care_read") ?? false;
  return (
    <>
      <nav className="safety-nav no-print" aria-label={t("nav.label")}>
        <NavLink to={ROOT} end>
          {t("nav.register")}
        </NavLink>
        <NavLink to={`${ROOT}/tasks`}>{t("nav.tasks")}</NavLink>
        {care && <NavLink to={`${ROOT}/incidents`}>{t("nav.incidents")}</NavLink>}
        {me?.permissions.includes("roster_read") && <NavLink to="/shift/drills">{t("nav.drills")}</NavLink>}
      </nav>
      <Routes>
        <Route index element={<RegisterPage />} />
        <Route path="tasks" element={<OpenRisksPage />} />
        <Route path="incidents" element={<IncidentsPage />} />
        <Route path="incidents/:incidentId" element={<IncidentPage />} />
      </Routes>
    </>
  );
}
