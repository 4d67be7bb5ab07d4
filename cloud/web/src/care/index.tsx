import { lazy, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { addTexts } from "../i18n";
import { AreaPage } from "../shared/AreaPage";
import * as fieldTexts from "../shared/fieldTexts";
import * as handbookTexts from "../shared/handbookTexts";
import * as dayTexts from "./elders/dayTexts";
import * as discoveryTexts from "./discovery/texts";
import * as eldersTexts from "./elders/texts";
import * as homebedsTexts from "./homebeds/texts";
import * as ordersTexts from "./orders/texts";
import * as exchangeTexts from "./exchange/texts";
import * as handoverTexts from "./handover/texts";
import * as matchingTexts from "./matching/texts";
import * as roundsTexts from "./rounds/texts";
import * as safetyTexts from "./safety/texts";
import * as servicesTexts from "./services/texts";
import * as caremapTexts from "../shared/caremap/texts";
import * as texts from "./texts";
import * as visitsTexts from "./visits/texts";

addTexts("care", texts);
addTexts("caremap", caremapTexts);
addTexts("day", dayTexts);
addTexts("discovery", discoveryTexts);
addTexts("elders", eldersTexts);
addTexts("homebeds", homebedsTexts);
addTexts("orders", ordersTexts);
addTexts("visits", visitsTexts);
addTexts("fields", fieldTexts);
addTexts("handbook", handbookTexts);
addTexts("matching", matchingTexts);
addTexts("rounds", roundsTexts);
addTexts("services", servicesTexts);
addTexts("exchange", exchangeTexts);
addTexts("handover", handoverTexts);
addTexts("safety", safetyTexts);

const EldersPage = lazy(() => import("./elders/EldersPage"));
const MatchingPages = lazy(() => import("./matching/MatchingPages"));
const ServicesPages = lazy(() => import("./services/ServicesPages"));
const RoundsPages = lazy(() => import("./rounds/RoundsPages"));
const VisitsPages = lazy(() => import("./visits/VisitsPages"));
const HomeBedPages = lazy(() => import("./homebeds/HomeBedPages"));
const HandoverPages = lazy(() => import("./handover/HandoverPages"));
const SafetyPages = lazy(() => import("./safety/SafetyPages"));
const DiscoveryPages = lazy(() => import("./discovery/DiscoveryPages"));
const CareMapPages = lazy(() => import("./caremap/CareMapPages"));
const ExchangePage = lazy(() => import("./exchange/ExchangePage"));
const AssessmentPages = lazy(() => import("./assessment/AssessmentPages"));

/** Records, assessments, rounds, visits: the work of nurses, assessors and care managers. */
export default function CareArea(): ReactNode {
  const { t } = useTranslation("care");
  const { t: elders } = useTranslation("elders");
  const { t: handover } = useTranslation("handover");
  const { t: discovery } = useTranslation("discovery");
  const { t: rounds } = useTranslation("rounds");
  const { t: visits } = useTranslation("visits");
  const { t: homebeds } = useTranslation("homebeds");
  const { t: matching } = useTranslation("matching");
  const { t: services } = useTranslation("services");
  const { t: safety } = useTranslation("safety");
  const { t: caremap } = useTranslation("caremap");
  const { t: exchange } = useTranslation("exchange");
  return (
    <AreaPage
      area="care"
      sections={[
        { path: "assessments", label: t("section.assessments"), Page: AssessmentPages, offline: true },
        { path: "rounds", label: rounds("section"), Page: RoundsPages, permission: "care_read" },
        { path: "visits", label: visits("section"), Page: VisitsPages, permission: "care_read" },
        { path: "homebeds", label: homebeds("section"), Page: HomeBedPages, permission: "care_read" },
        { path: "map", label: caremap("section"), Page: CareMapPages, permission: "care_read" },
        { path: "handover", label: handover("section"), Page: HandoverPages, permission: "care_read" },
        { path: "discovery", label: discovery("section"), Page: DiscoveryPages, permission: "care_read" },
        { path: "elders", label: elders("section"), Page: EldersPage },
        { path: "services", label: services("section"), Page: ServicesPages, permission: "care_read" },
        { path: "matching", label: matching("section"), Page: MatchingPages, permission: "records_write" },
        { path: "exchange", label: exchange("section"), Page: ExchangePage, permission: "care_read" },
        { path: "risks", label: safety("section"), Page: SafetyPages, permission: "records_read" },
      ]}
    />
  );
}
