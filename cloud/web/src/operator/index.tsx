import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as oversightTexts from "../shared/oversightTexts";
import * as startDrillTexts from "../shared/drill/texts";
import * as auditTexts from "./audit/texts";
import * as coverageTexts from "./coverage/texts";
import * as houseTexts from "./house/texts";
import * as simulatorTexts from "./simulator/texts";
import * as texts from "./texts";

addTexts("operator", texts);
addTexts("house", houseTexts);
addTexts("coverageMap", coverageTexts);
addTexts("simulator", simulatorTexts);
addTexts("startDrill", startDrillTexts);
addTexts("audit", auditTexts);
addTexts("oversight", oversightTexts);

const AuditPage = lazy(() => import("./audit/AuditPage"));
const GlassPage = lazy(() => import("./audit/GlassPage"));
const FoundPage = lazy(() => import("./found/FoundPage"));
const GatewaysPage = lazy(() => import("./gateways/GatewaysPage"));
const PlacesPage = lazy(() => import("./house/PlacesPage"));
const DevicesPage = lazy(() => import("./house/DevicesPage"));
const SimulatorPage = lazy(() => import("./simulator/SimulatorPage"));
const CoveragePage = lazy(() => import("./coverage/CoveragePage"));
const UsersPage = lazy(() => import("./users/UsersPage"));
const OverviewPage = lazy(() => import("./overview/OverviewPage"));

/** Devices, gateways, people who log in: everything that keeps the hub seeing. */
export default function OperatorArea(): ReactNode {
  const { t } = useTranslation("operator");
  const { t: house } = useTranslation("house");
  const { t: simulator } = useTranslation("simulator");
  const { t: coverage } = useTranslation("coverageMap");
  const { t: audit } = useTranslation("audit");
  return (
    <AreaPage
      area="operator"
      sections={[
        { path: "overview", label: t("section.overview"), Page: OverviewPage },
        { path: "coverage", label: coverage("section"), Page: CoveragePage, permission: "coverage_read" },
        { path: "found", label: t("section.found"), Page: FoundPage },
        { path: "gateways", label: t("section.gateways"), Page: GatewaysPage },
        { path: "places", label: house("places"), Page: PlacesPage },
        { path: "devices", label: house("devices"), Page: DevicesPage },
        {
          path: "simulator",
          label: simulator("section"),
          Page: SimulatorPage,
          permission: "simulation_run",
        },
        {
          path: "users",
          label: t("section.users"),
          Page: UsersPage,
          permission: "users_manage",
        },
        { path: "audit", label: audit("section"), Page: AuditPage, permission: "audit_read" },
        { path: "break-glass", label: audit("glassSection"), Page: GlassPage, permission: "break_glass_review" },
      ]}
    />
  );
}
