import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "../../shared/explain";
import { Waiting } from "../../shared/Waiting";
import { type Curve, DISCOVERY_KEYS, discovery, type ElderDiscovery } from "./calls";

// The plotting library comes with the first curve that somebody opens.
const CurvePlot = lazy(() => import("./CurvePlot"));

/** One curve. */
export function OneCurve({ curve, days }: { curve: Curve; days: readonly string[] }): ReactNode {
  return (
    <Suspense fallback={<Waiting />}>
      <CurvePlot curve={curve} days={days} />
    </Suspense>
  );
}

/** The curves behind an elder's reasons, fetched when somebody wants to see them. */
export function CurvesOf({ elder, features }: { elder: string; features: readonly string[] }): ReactNode {
  const { t } = useTranslation("discovery");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: DISCOVERY_KEYS.elder(elder),
    queryFn: () => discovery.elder(elder),
  });
  if (failureReason !== null) return <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  if (data === undefined) return <Waiting />;
  return <Curves data={data} features={features} />;
}

/** Those that are named first, then the others. */
export function Curves({ data, features }: { data: ElderDiscovery; features: readonly string[] }): ReactNode {
  const { t } = useTranslation("discovery");
  const wanted = features.length === 0 ? data.curves : data.curves.filter(({ feature }) => features.includes(feature));
  const curves = wanted.length === 0 ? data.curves : wanted;
  if (curves.length === 0) return <p>{t("noCurves")}</p>;
  return (
    <div className="discovery-curves">
      {curves.map((curve) => (
        <OneCurve key={curve.feature} curve={curve} days={data.days} />
      ))}
    </div>
  );
}
