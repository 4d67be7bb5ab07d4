import "./rounds.css";

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Route, Routes } from "react-router";

import { LeavePage } from "./LeavePage";
import { PlanPage } from "./PlanPage";
import { RoundListPage } from "./RoundListPage";
import { SheetPage } from "./SheetPage";
import { TagsPage } from "./TagsPage";

const ROOT = "/care/rounds";

/** Rounds and turning: the list to walk by, the sheet, who is out, and the plan. */
export default function RoundsPages(): ReactNode {
  const { t } = useTranslation("rounds");
  return (
    <>
      <nav className="round-nav" aria-label={t("nav.label")}>
        <NavLink to={ROOT} end>
          {t("nav.list")}
        </NavLink>
        <NavLink to={`${ROOT}/sheet`}>{t("nav.sheet")}</NavLink>
        <NavLink to={`${ROOT}/leave`}>{t("nav.leave")}</NavLink>
        <NavLink to={`${ROOT}/plan`}>{t("nav.plan")}</NavLink>
        <NavLink to={`${ROOT}/tags`}>{t("nav.tags")}</NavLink>
      </nav>
      <Routes>
        <Route index element={<RoundListPage />} />
        <Route path="sheet" element={<SheetPage />} />
        <Route path="leave" element={<LeavePage />} />
        <Route path="plan" element={<PlanPage />} />
        <Route path="tags" element={<TagsPage />} />
      </Routes>
    </>
  );
}
