import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as texts from "./texts";

addTexts("operator", texts);

const GatewaysPage = lazy(() => import("./gateways/GatewaysPage"));
const UsersPage = lazy(() => import("./users/UsersPage"));
const OverviewPage = lazy(() => import("./overview/OverviewPage"));

/** Devices, gateways, people who log in: everything that keeps the hub seeing. */
export default function OperatorArea(): ReactNode {
  const { t } = useTranslation("operator");
  return (
    <AreaPage
      area="operator"
      sections={[
        { path: "overview", label: t("section.overview"), Page: OverviewPage },
        { path: "gateways", label: t("section.gateways"), Page: GatewaysPage },
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
