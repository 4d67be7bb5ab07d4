import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { inView, kmPerPixel, type Place } from "../map/map";
import { MapPicture, MapPoint } from "../map/MapPicture";

export type Spot = { id: string; sign: string; place: Place; tone?: "fits" | "old" };

type Props = {
  spots: readonly Spot[];
  /** Where distances are from, and how far one looks. */
  from: Place | undefined;
  withinKm: number | undefined;
  tiles: string;
};

/** Houses as numbered points; the list beside it says the same in words. */
export function HouseMap({ spots, from, withinKm, tiles }: Props): ReactNode {
  const { t } = useTranslation("caremap");
  const places = [...(from ? [from] : []), ...spots.map(({ place }) => place)];
  if (places.length === 0) return <p className="data-empty">{t("noPlaces")}</p>;
  return (
    <figure className="house-map">
      <MapPicture places={places} tiles={tiles} label={t("outline", { count: spots.length })} scale={(km) => t("scale", { km })}>
        {(view) => {
          const start = from && inView(from, view);
          return (
            <>
              {from && start && withinKm !== undefined && (
                <circle className="map-within" cx={start.x} cy={start.y} r={withinKm / kmPerPixel(from.lat, view.zoom)} />
              )}
              {spots.map(({ id, sign, place, tone }) => (
                <MapPoint key={id} at={inView(place, view)} sign={sign} {...(tone && { tone })} />
              ))}
              {start && <MapPoint at={start} sign={t("startMark")} square />}
            </>
          );
        }}
      </MapPicture>
      {tiles === "" && <figcaption>{t("tilesHint")}</figcaption>}
    </figure>
  );
}
