import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { Waiting } from "../shared/Waiting";
import { bureauApi, type Indicator, memberOf } from "./api";
import { Choose } from "./Choose";
import { Events } from "./Events";
import { TrendBars } from "./TrendBars";
import { useView } from "./useView";
import { FigureBehind, FigureValue, useIndicatorWords, useKindName, useNodeName } from "./words";

/** One indicator: how it is counted, twelve months, everybody beside each other, what is behind it. */
export default function IndicatorPage(): ReactNode {
  const { t } = useTranslation("bureau");
  const { t: common } = useTranslation();
  const { code = "" } = useParams();
  const view = useView();
  const nameOf = useNodeName();
  const kindName = useKindName();
  const wordsOf = useIndicatorWords();
  const trend = useQuery({
    queryKey: ["bureau", "trend", code, view.month, view.node],
    queryFn: () => bureauApi.trend(code, view.month, view.node),
  });
  const failure = view.sheet.failureReason ?? view.catalogue.failureReason ?? trend.failureReason;
  if (failure !== null) return <p role="alert">{t("failed", { why: explain(common, failure) })}</p>;
  const sheet = view.sheet.data;
  const indicator = view.catalogue.data?.indicators.find((one) => one.code === code);
  if (sheet === undefined || view.catalogue.data === undefined || trend.data === undefined) return <Waiting />;
  if (indicator === undefined) return <p role="alert">{t("nothing")}</p>;
  const below = view.catalogue.data.masked_below;
  const node = sheet.nodes.find(({ key }) => key === view.node);
  const here = sheet.figures.filter((figure) => figure.indicator === code);
  const kinds = [...new Set(here.map(({ kind }) => kind))];
  const member = memberOf(view.node);
  return (
    <>
      <p className="no-print">
        <Link to={`/bureau/month${view.search()}`}>{t("back")}</Link>
      </p>
      <h2>{wordsOf(indicator).name}</h2>
      <Choose {...view} nodes={sheet.nodes} />
      <Definition indicator={indicator} />
      <TrendBars points={trend.data.points} indicator={indicator} below={below} />
      <DataTable
        title={t("compare")}
        rows={sheet.nodes}
        rowKey={({ key }) => key}
        empty={t("nothing")}
        columns={[
          {
            title: t("name"),
            cell: (each) => (
              <Link to={view.search({ node: each.key })}>
                {nameOf(each)} <small>{t(`level.${each.level}`)}</small>
              </Link>
            ),
          },
          ...kinds.flatMap((kind) => {
            const figureOf = (key: string) => here.find((one) => one.node === key && one.kind === kind);
            return [
              {
                title: kind === "" ? t("value") : kindName(kind),
                cell: (each: { key: string }) => {
                  const figure = figureOf(each.key);
                  return (
                    figure && (
                      <>
                        <FigureValue figure={figure} indicator={indicator} below={below} />{" "}
                        <small>
                          <FigureBehind figure={figure} indicator={indicator} />
                        </small>
                      </>
                    )
                  );
                },
              },
            ];
          }),
        ]}
      />
      {indicator.drill && member === undefined && <p>{t("eventsPick")}</p>}
      {indicator.drill && member !== undefined && node?.shows_events === false && <p>{t("eventsNotShown")}</p>}
      {indicator.drill && member !== undefined && node?.shows_events === true && (
        <Events code={code} month={view.month} member={member} />
      )}
    </>
  );
}

function Definition({ indicator }: { indicator: Indicator }): ReactNode {
  const { t } = useTranslation("bureau");
  const words = useIndicatorWords()(indicator);
  return (
    <section className="bureau-definition" aria-label={t("definition")}>
      <h3>{t("definition")}</h3>
      <dl>
        <dt>{t("counts")}</dt>
        <dd>{words.counts}</dd>
        <dt>{t("leavesOut")}</dt>
        <dd>{words.leaves_out}</dd>
        <dt>{t("part")}</dt>
        <dd>{words.part}</dd>
        {words.whole !== "" && (
          <>
            <dt>{t("whole")}</dt>
            <dd>{words.whole}</dd>
          </>
        )}
        <dt>{t("source")}</dt>
        <dd>{words.source}</dd>
      </dl>
    </section>
  );
}
