import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Route } from "./calls";
import { fit, inView, tilesOf } from "./map";

const WIDTH = 640;
const HEIGHT = 400;
const MARGIN = 36;
const RADIUS = 15;

/** The day's doors as numbered points in the order to walk. The list beside it says the same in words. */
export function RouteMap({ route, tiles }: { route: Route; tiles: string }): ReactNode {
  const { t } = useTranslation("visits");
  const doors = route.stops.flatMap((stop, index) => (stop.place ? [{ ...stop, place: stop.place, number: index + 1 }] : []));
  const places = [...(route.station ? [route.station] : []), ...doors.map(({ place }) => place)];
  if (places.length === 0) return <p>{t("route.noPlaces")}</p>;
  const view = fit(places, WIDTH, HEIGHT, MARGIN);
  const line = places.map((place) => inView(place, view)).map(({ x, y }) => `${x},${y}`).join(" ");
  const station = route.station && inView(route.station, view);
  return (
    <svg className="route-map" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t("route.map", { count: doors.length })}>
      {tilesOf(view, tiles).map(({ href, x, y, size }) => (
        <image key={href} href={href} x={x} y={y} width={size} height={size} />
      ))}
      <polyline points={line} className="route-line" />
      {station && (
        <g className="route-station">
          <rect x={station.x - RADIUS} y={station.y - RADIUS} width={2 * RADIUS} height={2 * RADIUS} rx="4" />
          <text x={station.x} y={station.y}>
            {t("route.stationMark")}
          </text>
        </g>
      )}
      {doors.map(({ place, number, row }) => {
        const { x, y } = inView(place, view);
        return (
          <g key={row.elder_id} className="route-door" data-standing={row.standing}>
            <circle cx={x} cy={y} r={RADIUS} />
            <text x={x} y={y}>
              {number}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
