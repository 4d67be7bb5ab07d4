import "./visits.css";

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Route, Routes } from "react-router";

import { DuePage } from "./DuePage";
import { ElderVisitsPage } from "./ElderVisitsPage";
import { useMe } from "../../shared/useMe";
import { OrdersPage } from "../orders/OrdersPage";
import { StatementPage } from "../orders/StatementPage";
import { FollowupsPage } from "./FollowupsPage";
import { RoutePage } from "./RoutePage";
import { SettingsPage } from "./SettingsPage";

const ROOT = "/care/visits";

/** Visits: who is due, the day's route, what is to be done after, and the figures. */
export default function VisitsPages(): ReactNode {
  const { t } = useTranslation("visits");
  const { me } = useMe();
  return (
    <>
      <nav className="visit-nav" aria-label={t("nav.label")}>
        <NavLink to={ROOT} end>
          {t("nav.due")}
        </NavLink>
        <NavLink to={`${ROOT}/route`}>{t("nav.route")}</NavLink>
        <NavLink to={`${ROOT}/followups`}>{t("nav.followups")}</NavLink>
        <NavLink to={`${ROOT}/orders`}>{t("nav.orders")}</NavLink>
        {me?.permissions.includes("records_export") && <NavLink to={`${ROOT}/statement`}>{t("nav.statement")}</NavLink>}
        <NavLink to={`${ROOT}/settings`}>{t("nav.settings")}</NavLink>
      </nav>
      <Routes>
        <Route index element={<DuePage />} />
        <Route path="route" element={<RoutePage />} />
        <Route path="followups" element={<FollowupsPage />} />
        <Route path="orders" element={<OrdersPage />} />
        <Route path="statement" element={<StatementPage />} />
        <Route path="settings" element={<SettingsPage />} />
        <Route path="elders/:id" element={<ElderVisitsPage />} />
      </Routes>
    </>
  );
}
