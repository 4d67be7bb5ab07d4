import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { CARE_MAP_KEYS, careMap, type Matches, type NeedKind, type OpenNeed, type Service } from "../../shared/caremap/calls";
import { HouseMap } from "../../shared/caremap/HouseMap";
import { MatchResult } from "../../shared/caremap/MatchResult";
import { NeedForm } from "../../shared/caremap/NeedForm";
import { NO_NEED, useNeed } from "../../shared/caremap/useNeed";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { Fetching } from "../../shared/Fetching";

/** Who waits, and for one of them (or nobody in particular) what there is, with reasons. */
export function NeedsPage(): ReactNode {
  const { t } = useTranslation("caremap");
  const [chosen, setChosen] = useState<OpenNeed | null>(null);
  const { data, failureReason } = useQuery({ queryKey: CARE_MAP_KEYS.needs, queryFn: careMap.needs });
  if (data === undefined)
    return <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />;
  return (
    <>
      <DataTable
        title={t("needs.title", { count: data.needs.length })}
        rows={data.needs}
        rowKey={({ source, id }) => `${source}/${id}`}
        empty={t("needs.empty")}
        columns={[
          { title: t("needs.elder"), cell: (one) => <Link to={`/care/elders/${one.elder_id}`}>{one.elder_name}</Link> },
          { title: t("needs.what"), cell: (one) => <What need={one} /> },
          { title: t("needs.since"), cell: (one) => dayAndClock(one.since) },
          { title: t("needs.due"), cell: (one) => one.due_on ?? "" },
          { title: t("needs.place"), cell: (one) => t(one.has_place ? "needs.hasPlace" : "needs.noPlace") },
          {
            title: t("needs.match"),
            cell: (one) => (
              <Button aria-label={t("needs.matchFor", { name: one.elder_name })} onClick={() => setChosen(one)}>
                {t("needs.match")}
              </Button>
            ),
          },
        ]}
      />
      <p>{t("needs.privacy")}</p>
      <Finder
        key={chosen === null ? "" : `${chosen.source}/${chosen.id}`}
        chosen={chosen}
        kinds={[...data.kinds, "responder"]}
        services={data.services}
        tiles={data.map_tiles}
      />
    </>
  );
}

function What({ need }: { need: OpenNeed }): ReactNode {
  const { t } = useTranslation("caremap");
  if (need.source === "home_bed") return t("needs.source.home_bed", { why: t(`needs.step.${need.why as "applied"}`, { defaultValue: need.why }) });
  if (need.source === "no_bed") return t("needs.source.no_bed");
  return t("needs.source.task", { task: t(`needs.task.${need.task as "visit"}`, { defaultValue: need.task ?? "" }), why: need.why });
}

type FinderProps = { chosen: OpenNeed | null; kinds: NeedKind[]; services: Service[]; tiles: string };

function Finder({ chosen, kinds, services, tiles }: FinderProps): ReactNode {
  const { t } = useTranslation("caremap");
  const [result, setResult] = useState<Matches | null>(null);
  const from = chosen === null ? "" : chosen.has_place ? "elder" : "given";
  const finder = useNeed([], { ...NO_NEED, kind: chosen?.kind ?? "", from });
  const top = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Who pressed "match" in the list goes on in the form: the keyboard is there, and the screen with it.
    if (chosen !== null) top.current?.querySelector("select")?.focus();
  }, [chosen]);
  return (
    <div ref={top}>
      <NeedForm
        {...finder}
        title={chosen === null ? t("form.title") : t("needs.formFor", { name: chosen.elder_name })}
        hint={chosen === null ? t("needs.formFree") : ""}
        kinds={kinds}
        services={services}
        houses={[]}
        ofElder={chosen !== null}
        onMatch={async (asked) => {
          const elder = chosen !== null && finder.need.from !== "" ? { elder_id: chosen.elder_id } : {};
          setResult(await careMap.matchNeed({ ...asked, ...elder }));
        }}
      />
      {result && (
        <MatchResult result={result} services={services}>
          {chosen !== null && (
            <p>
              <Link to={`/care/elders/${chosen.elder_id}`}>{t("result.elders")}</Link>
              {chosen.source === "home_bed" && (
                <>
                  {" · "}
                  <Link to={`/care/homebeds/${chosen.id}`}>{t("result.homebeds")}</Link>
                </>
              )}
            </p>
          )}
          <ResultMap result={result} tiles={tiles} withinKm={finder.within} />
        </MatchResult>
      )}
    </div>
  );
}

/** Houses that fit, numbered as in the list. People are not drawn: where they are stays with them. */
function ResultMap({ result, tiles, withinKm }: { result: Matches; tiles: string; withinKm: number | undefined }): ReactNode {
  const spots = result.fitting.flatMap(({ id, place }, index) =>
    place === null ? [] : [{ id, sign: String(index + 1), place, tone: "fits" as const }],
  );
  if (spots.length === 0) return null;
  return <HouseMap spots={spots} from={result.place ?? undefined} withinKm={withinKm} tiles={tiles} />;
}
