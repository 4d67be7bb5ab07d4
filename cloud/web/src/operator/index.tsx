import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as houseTexts from "./house/texts";
import * as simulatorTexts from "./simulator/texts";
import * as texts from "./texts";

addTexts("operator", texts);
addTexts("house", houseTexts);
addTexts("simulator", simulatorTexts);

const FoundPage = lazy(() => import("./found/FoundPage"));
const GatewaysPage = lazy(() => import("./gateways/GatewaysPage"));
const PlacesPage = lazy(() => import("./house/PlacesPage"));
const DevicesPage = lazy(() => import("./house/DevicesPage"));
const SimulatorPage = lazy(() => import("./simulator/SimulatorPage"));
const UsersPage = lazy(() => import("./users/UsersPage"));
const OverviewPage = lazy(() => import("./overview/OverviewPage"));

/** Devices, gateways, people who log in: everything that keeps the hub seeing. */
export default function OperatorArea(): ReactNode {
  const { t } = useTranslation("operator");
  const { t: house } = useTranslation("house");
  const { t: simulator } = useTranslation("simulator");
  return (
    <AreaPage
      area="operator"
      sections={[
        { path: "overview", label: t("section.overview"), Page: OverviewPage },
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
      ]}
    />
  );
}
