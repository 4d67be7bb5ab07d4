import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { inView } from "../../shared/map/map";
import { MapPicture, MapPoint } from "../../shared/map/MapPicture";
import type { Route } from "./calls";

/** The day's doors as numbered points in the order to walk. The list beside it says the same in words. */
export function RouteMap({ route, tiles }: { route: Route; tiles: string }): ReactNode {
  const { t } = useTranslation("visits");
  const doors = route.stops.flatMap((stop, index) => (stop.place ? [{ ...stop, place: stop.place, number: index + 1 }] : []));
  const places = [...(route.station ? [route.station] : []), ...doors.map(({ place }) => place)];
  if (places.length === 0) return <p>{t("route.noPlaces")}</p>;
  return (
    <MapPicture places={places} tiles={tiles} label={t("route.map", { count: doors.length })}>
      {(view) => (
        <>
          <polyline
            points={places.map((place) => inView(place, view)).map(({ x, y }) => `${x},${y}`).join(" ")}
            className="map-line"
          />
          {route.station && <MapPoint at={inView(route.station, view)} sign={t("route.stationMark")} square />}
          {doors.map(({ place, number, row }) => (
            <MapPoint key={row.elder_id} at={inView(place, view)} sign={String(number)} tone={row.standing} />
          ))}
        </>
      )}
    </MapPicture>
  );
}
