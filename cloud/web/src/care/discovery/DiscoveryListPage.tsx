import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Fetching } from "../../shared/Fetching";
import { useMe } from "../../shared/useMe";
import { discovery, DISCOVERY_KEYS, type DiscoveryCase, type Stats } from "./calls";
import { AnswerForm, AskForm } from "./CaseForms";
import { CaseHistory } from "./CaseHistory";
import { CurvesOf } from "./Curves";
import { Reasons } from "./Reasons";

const EVERY_MS = 300_000;
const PERCENT = 100;

/** Whom to look at today, why, and what to do about it. */
export function DiscoveryListPage(): ReactNode {
  const { t } = useTranslation("discovery");
  const { data, failureReason } = useQuery({
    queryKey: DISCOVERY_KEYS.list,
    queryFn: discovery.list,
    refetchInterval: EVERY_MS,
  });
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data !== undefined && (
        <>
          <section aria-labelledby="discovery-title">
            <h2 id="discovery-title">{t("title", { count: data.cases.length })}</h2>
            {data.day === null ? (
              <p role="status">{t("never")}</p>
            ) : (
              <p className="discovery-muted">{t("hint", { day: data.day, elders: data.elders })}</p>
            )}
            {data.stale && data.day !== null && (
              <p role="alert" className="banner banner-warn">
                {t("stale", { day: data.day })}
              </p>
            )}
            {data.cases.length === 0 && data.day !== null && <p>{t("empty")}</p>}
            <ul className="discovery-list">
              {data.cases.map((item) => (
                <Card key={item.id} item={item} />
              ))}
            </ul>
          </section>
          <Results stats={data.stats} />
        </>
      )}
    </>
  );
}

type Open = "confirmed" | "dismissed" | "ask" | null;

function Card({ item }: { item: DiscoveryCase }): ReactNode {
  const { t } = useTranslation("discovery");
  const { me } = useMe();
  const [open, setOpen] = useState<Open>(null);
  const [curves, setCurves] = useState(false);
  const writes = me?.permissions.includes("care_write") ?? false;
  const toggle = (which: Open) => setOpen(open === which ? null : which);
  const features = item.reasons.map(({ curve }) => curve).filter((curve) => curve !== null);
  const done = () => setOpen(null);
  return (
    <li
      className="discovery-card"
      data-testid="discovery-card"
      data-elder={item.elder_name}
      data-hard={item.reasons.some(({ hard }) => hard)}
    >
      <div className="discovery-head">
        <h3>
          <Link to={item.elder_id}>{item.elder_name}</Link> {item.place}
        </h3>
        <strong>{t("score", { points: item.score.toFixed(1) })}</strong>
      </div>
      <p className="discovery-muted">
        {t("age", { age: item.age })} · {t("since", { day: item.opened_on })}
        {item.state === "working" && ` · ${t("working")}`}
        {!item.listed && ` · ${t("eased")}`}{" "}
        {item.simulated && <span className="discovery-sim">{t("simulated")}</span>}
      </p>
      <Reasons item={item} />
      <CaseHistory item={item} steps={false} />
      <div className="discovery-actions">
        <Button onClick={() => setCurves(!curves)} aria-expanded={curves}>
          {t(curves ? "hideCurves" : "showCurves")}
        </Button>
        {writes && (
          <>
            <Button onClick={() => toggle("ask")} aria-expanded={open === "ask"}>
              {t("ask")}
            </Button>
            <Button onClick={() => toggle("confirmed")} aria-expanded={open === "confirmed"}>
              {t("confirm")}
            </Button>
            <Button onClick={() => toggle("dismissed")} aria-expanded={open === "dismissed"}>
              {t("dismiss")}
            </Button>
          </>
        )}
      </div>
      {curves && <CurvesOf elder={item.elder_id} features={features} />}
      {open === "ask" && <AskForm item={item} done={done} />}
      {(open === "confirmed" || open === "dismissed") && (
        <AnswerForm key={open} item={item} decision={open} done={done} />
      )}
    </li>
  );
}

function Results({ stats }: { stats: Stats }): ReactNode {
  const { t } = useTranslation("discovery");
  const answered = stats.confirmed + stats.dismissed;
  const rows: [string, string][] = [
    [t("stats.opened"), String(stats.opened)],
    [t("stats.waiting"), String(stats.waiting)],
    [t("stats.confirmed"), String(stats.confirmed)],
    [t("stats.dismissed"), String(stats.dismissed)],
    [
      t("stats.share"),
      answered === 0 ? t("stats.none") : `${Math.round((PERCENT * stats.confirmed) / answered)}%（${stats.confirmed}/${answered}）`,
    ],
    [
      t("stats.wait"),
      stats.median_days_to_answer === null ? t("stats.none") : t("stats.days", { days: stats.median_days_to_answer }),
    ],
  ];
  const why = Object.entries(stats.dismissals).map(([code, count]) => `${t(`codes.${code as "away"}`)} ${count}`);
  return (
    <section aria-labelledby="discovery-stats" data-testid="discovery-stats">
      <h2 id="discovery-stats">{t("stats.title")}</h2>
      <dl className="discovery-stats">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {why.length > 0 && <p className="discovery-muted">{t("stats.why", { list: why.join("，") })}</p>}
    </section>
  );
}
