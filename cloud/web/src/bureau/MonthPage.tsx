import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { exactTime } from "../shared/time";
import { Waiting } from "../shared/Waiting";
import type { BureauNode, Figure, Indicator, Sheet } from "./api";
import { Choose } from "./Choose";
import { Downloads } from "./Downloads";
import { useView } from "./useView";
import { FigureBehind, FigureValue, GoalMark, useIndicatorWords, useKindName, useNodeName } from "./words";

/** What is compared at a glance; the rest is one step away. */
const AT_A_GLANCE = [
  ["answered_60_s", ""],
  ["rounds", ""],
  ["coverage", "protected"],
  ["falls", ""],
] as const;

type Line = { figure: Figure; indicator: Indicator };

const linesOf = (sheet: Sheet, indicators: readonly Indicator[], node: string): Line[] =>
  indicators.flatMap((indicator) =>
    sheet.figures
      .filter((figure) => figure.node === node && figure.indicator === indicator.code)
      .map((figure) => ({ figure, indicator })),
  );

/** The month: all indicators of one node, and of those below it what is compared. */
export default function MonthPage(): ReactNode {
  const { t } = useTranslation("bureau");
  const { t: common } = useTranslation();
  const view = useView();
  const failure = view.sheet.failureReason ?? view.catalogue.failureReason;
  if (failure !== null)
    return (
      <>
        <Choose {...view} nodes={[]} />
        <p role="alert">{t("failed", { why: explain(common, failure) })}</p>
      </>
    );
  if (view.sheet.data === undefined || view.catalogue.data === undefined) return <Waiting />;
  return <Month view={view} sheet={view.sheet.data} catalogue={view.catalogue.data} />;
}

type View = ReturnType<typeof useView>;
type Catalogue = NonNullable<View["catalogue"]["data"]>;

function Month({ view, sheet, catalogue }: { view: View; sheet: Sheet; catalogue: Catalogue }): ReactNode {
  const { t } = useTranslation("bureau");
  const wordsOf = useIndicatorWords();
  const kindName = useKindName();
  const node = sheet.nodes.find(({ key }) => key === view.node) ?? sheet.nodes[0];
  if (node === undefined) return null;
  const members = sheet.nodes.filter(({ level }) => level === "institution");
  const missing = node.of_days - node.days;
  return (
    <>
      <Choose {...view} nodes={sheet.nodes} node={node.key} />
      {members.length === 0 && <p role="status">{t("noMembers")}</p>}
      {sheet.running && <p role="status">{t("running")}</p>}
      {missing > 0 && (
        <p role="status" className="banner banner-warn">
          {t("daysMissing", { count: missing })}
        </p>
      )}
      <Downloads month={view.month} />
      <DataTable
        title={t("figures")}
        rows={linesOf(sheet, catalogue.indicators, node.key)}
        rowKey={({ figure }) => `${figure.indicator}/${figure.kind}`}
        empty={t("nothing")}
        columns={[
          {
            title: t("indicator"),
            cell: ({ figure, indicator }) => (
              <Link to={`/bureau/indicators/${indicator.code}${view.search({ node: node.key })}`}>
                {wordsOf(indicator).name}
                {figure.kind !== "" && `：${kindName(figure.kind)}`}
              </Link>
            ),
          },
          { title: t("value"), cell: (line) => <FigureValue {...line} below={catalogue.masked_below} /> },
          { title: t("behind"), cell: (line) => <FigureBehind {...line} /> },
          { title: t("goal"), cell: (line) => <GoalMark {...line} /> },
        ]}
      />
      <Below view={view} sheet={sheet} catalogue={catalogue} node={node} />
      <p>{t("privacy", { below: catalogue.masked_below })}</p>
      <p className="bureau-hash">
        {sheet.computed_at === null ? t("never") : t("computed", { time: exactTime(sheet.computed_at) })} ·{" "}
        {t("hash", { hash: sheet.sha256 })}
      </p>
    </>
  );
}

type BelowProps = { view: View; sheet: Sheet; catalogue: Catalogue; node: BureauNode };

function Below({ view, sheet, catalogue, node }: BelowProps): ReactNode {
  const { t } = useTranslation("bureau");
  const nameOf = useNodeName();
  const wordsOf = useIndicatorWords();
  const below = sheet.nodes.filter(({ parent }) => parent === node.key);
  if (below.length === 0) return null;
  const glance = AT_A_GLANCE.flatMap(([code, kind]) => {
    const indicator = catalogue.indicators.find((one) => one.code === code);
    return indicator === undefined ? [] : [{ indicator, kind }];
  });
  return (
    <DataTable
      title={t("below")}
      rows={below}
      rowKey={({ key }) => key}
      empty={t("nothing")}
      columns={[
        {
          title: t("name"),
          cell: (each) => <Link to={`/bureau/month${view.search({ node: each.key })}`}>{nameOf(each)}</Link>,
        },
        { title: t("days"), cell: (each) => `${String(each.days)}/${String(each.of_days)}` },
        ...glance.map(({ indicator, kind }) => ({
          title: wordsOf(indicator).name,
          cell: (each: BureauNode) => {
            const figure = sheet.figures.find(
              (one) => one.node === each.key && one.indicator === indicator.code && one.kind === kind,
            );
            return figure && <FigureValue figure={figure} indicator={indicator} below={catalogue.masked_below} />;
          },
        })),
      ]}
    />
  );
}
