import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { Fetching } from "../../shared/Fetching";
import { type Curve, discovery, DISCOVERY_KEYS } from "./calls";
import { CaseHistory } from "./CaseHistory";
import { Curves, OneCurve } from "./Curves";
import { Reasons } from "./Reasons";

/** All cases of an elder, and ten weeks of their days. */
export function ElderDiscoveryPage(): ReactNode {
  const { t } = useTranslation("discovery");
  const { elderId = "" } = useParams();
  const { data, failureReason } = useQuery({
    queryKey: DISCOVERY_KEYS.elder(elderId),
    queryFn: () => discovery.elder(elderId),
  });
  const score: Curve = {
    feature: "score", name_zh: t("scoreCurve"), name_en: t("scoreCurve"), unit_zh: "分", unit_en: "points",
    values: data?.scores ?? [], usual: null, low: null, high: null,
  };
  return (
    <>
      <p>
        <Link to="/care/discovery">{t("back")}</Link>
      </p>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data !== undefined && (
        <>
          <h2>{t("elderTitle", { name: data.elder_name })}</h2>
          {data.cases.length === 0 && <p>{t("noCases")}</p>}
          <ul className="discovery-list">
            {data.cases.map((item) => (
              <li key={item.id} className="discovery-card" data-hard={item.reasons.some(({ hard }) => hard)}>
                <div className="discovery-head">
                  <h3>{t("since", { day: item.opened_on })}</h3>
                  <strong>{t("score", { points: item.score.toFixed(1) })}</strong>
                </div>
                {item.ended_at !== null && (
                  <p>
                    {t("ended", {
                      state: t(`moves.${item.state === "confirmed" ? "confirmed" : "dismissed"}`),
                      by: item.ended_by, day: item.ended_at.slice(0, 10),
                    })}
                    {item.reason_code !== null && ` · ${t(`codes.${item.reason_code}`)}`}
                    {item.note !== null && item.note !== "" && ` · ${item.note}`}
                    {item.ask_again_on !== null && ` · ${t("again", { day: item.ask_again_on })}`}
                  </p>
                )}
                <Reasons item={item} />
                <CaseHistory item={item} steps />
              </li>
            ))}
          </ul>
          <section aria-labelledby="discovery-curves">
            <h2 id="discovery-curves">{t("curvesTitle")}</h2>
            {data.scores.some((value) => value !== null) && <OneCurve curve={score} days={data.days} />}
            <Curves data={data} features={[]} />
          </section>
        </>
      )}
    </>
  );
}
