import "../shared/caremap/caremap.css";

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { type BedKind, type CareMap, CARE_MAP_KEYS, careMap, type House, type Matches } from "../shared/caremap/calls";
import { HouseCard } from "../shared/caremap/HouseCard";
import { HouseMap } from "../shared/caremap/HouseMap";
import { MatchResult } from "../shared/caremap/MatchResult";
import { NeedForm } from "../shared/caremap/NeedForm";
import { useNeed } from "../shared/caremap/useNeed";
import { Fetching } from "../shared/Fetching";
import { distanceKm, type Place } from "../shared/map/map";
import { WaitingTable } from "./WaitingTable";

const REFRESH_MS = 60_000;

/** Houses with their beds and services, map and list; a need without a name, matched with reasons. */
export default function MapPage(): ReactNode {
  const { t } = useTranslation("caremap");
  const { data, failureReason } = useQuery({
    queryKey: CARE_MAP_KEYS.map,
    queryFn: careMap.map,
    refetchInterval: REFRESH_MS,
  });
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data !== undefined && <TheMap data={data} />}
    </>
  );
}

/** With how far it is; without a place to measure from, or of the house: undefined. */
type Seen = { house: House; km: number | undefined };

function seenFrom(houses: readonly House[], from: Place | undefined): Seen[] {
  const seen = houses.map((house) => ({ house, km: from && house.place ? distanceKm(from, house.place) : undefined }));
  return from === undefined ? seen : seen.toSorted((a, b) => (a.km ?? Infinity) - (b.km ?? Infinity));
}

const hasFree = (house: House, kind: BedKind): boolean => house.beds.some((one) => one.kind === kind && (one.free ?? 0) > 0);

function TheMap({ data }: { data: CareMap }): ReactNode {
  const { t } = useTranslation("caremap");
  const finder = useNeed(data.houses);
  const [result, setResult] = useState<Matches | null>(null);
  const { need, place, within } = finder;
  const { kind } = need;
  const shown = seenFrom(data.houses, place).filter(
    ({ house, km }) =>
      (kind === "" || kind === "responder" || hasFree(house, kind)) &&
      need.needs.every((key) => house.services.includes(key)) &&
      (place === undefined || within === undefined || (km !== undefined && km <= within)),
  );
  const fitting = new Set(result?.fitting.map(({ id }) => id));
  const spots = shown.flatMap(({ house }, index) =>
    house.place === null
      ? []
      : [
          {
            id: house.id, sign: String(index + 1), place: house.place,
            ...(fitting.has(house.id) ? { tone: "fits" as const } : house.stale && { tone: "old" as const }),
          },
        ],
  );
  return (
    <>
      <NeedForm
        {...finder}
        title={t("form.title")}
        hint={t("form.hint")}
        kinds={data.kinds}
        services={data.services}
        houses={data.houses}
        any={t("form.any")}
        onMatch={async (asked) => {
          if (asked.kind !== "responder") setResult(await careMap.matchBeds({ ...asked, kind: asked.kind }));
        }}
      />
      {result && <MatchResult result={result} services={data.services} />}
      <section aria-labelledby="houses-title">
        <h2 id="houses-title">{t("title", { count: shown.length })}</h2>
        {data.houses.length === 0 && (
          <p role="status" className="data-empty">
            {t(data.whose === "bureau" ? "empty" : "emptyHere")}
          </p>
        )}
        {data.houses.length > 0 && shown.length === 0 && (
          <p role="status" className="data-empty">
            {t("nothingFits")}
          </p>
        )}
        {shown.length > 0 && (
          <div className="care-map">
            <HouseMap spots={spots} from={place} withinKm={within} tiles={data.map_tiles} />
            <ol className="house-list">
              {shown.map(({ house, km }, index) => (
                <HouseCard key={house.id} house={house} services={data.services} number={index + 1} km={km} />
              ))}
            </ol>
          </div>
        )}
        {data.unpublished.length > 0 && (
          <details>
            <summary>{t("unpublished", { count: data.unpublished.length })}</summary>
            <ul>
              {data.unpublished.map(({ id, name, district_name }) => (
                <li key={id}>
                  {name} {district_name}
                </li>
              ))}
            </ul>
          </details>
        )}
      </section>
      <WaitingTable waiting={data.waiting} below={data.masked_below} />
    </>
  );
}
