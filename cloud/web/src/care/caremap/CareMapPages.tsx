import "../../shared/caremap/caremap.css";

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, NavLink, Route, Routes } from "react-router";

import { NeedsPage } from "./NeedsPage";
import { ProfilePage } from "./ProfilePage";
import { SkillsPage } from "./SkillsPage";

/** Who waits and what meets it; who can do what; what the house says of itself. */
export default function CareMapPages(): ReactNode {
  const { t } = useTranslation("caremap");
  return (
    <>
      <nav className="care-map-nav" aria-label={t("section")}>
        {(["needs", "skills", "profile"] as const).map((path) => (
          <NavLink key={path} to={`/care/map/${path}`}>
            {t(`nav.${path}`)}
          </NavLink>
        ))}
      </nav>
      <Routes>
        <Route path="needs" element={<NeedsPage />} />
        <Route path="skills" element={<SkillsPage />} />
        <Route path="profile" element={<ProfilePage />} />
        <Route path="*" element={<Navigate to="/care/map/needs" replace />} />
      </Routes>
    </>
  );
}
