import "./map.css";

import type { ReactNode } from "react";

import { fit, type Pixel, type Place, scaleBar, tilesOf, type View } from "./map";

const WIDTH = 640;
const HEIGHT = 400;
const MARGIN = 36;
const LONGEST_BAR_PX = 140;

type Props = {
  /** All that must be in the picture; at least one. */
  places: readonly Place[];
  /** Address of map tiles with {z}/{x}/{y}; empty: an outline alone. */
  tiles: string;
  /** What the picture shows; a list beside it says the same. */
  label: string;
  /** With a bar of so many kilometres. */
  scale?: (km: number) => string;
  children: (view: View) => ReactNode;
};

/** A map drawn by the page itself, over tiles where a server of them is set. */
export function MapPicture({ places, tiles, label, scale, children }: Props): ReactNode {
  const view = fit(places, WIDTH, HEIGHT, MARGIN);
  const first = places[0];
  return (
    <svg className="map-picture" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {tilesOf(view, tiles).map(({ href, x, y, size }) => (
        <image key={href} href={href} x={x} y={y} width={size} height={size} />
      ))}
      {children(view)}
      {scale && first && <Scale {...scaleBar(first.lat, view.zoom, LONGEST_BAR_PX)} say={scale} />}
    </svg>
  );
}

function Scale({ km, px, say }: { km: number; px: number; say: (km: number) => string }): ReactNode {
  const [x, y] = [12, HEIGHT - 12];
  return (
    <g className="map-scale">
      <rect x={x - 6} y={y - 26} width={px + 12} height={32} rx="4" />
      <path d={`M ${x} ${y - 6} v 6 h ${px} v -6`} />
      <text x={x + px / 2} y={y - 12}>
        {say(km)}
      </text>
    </g>
  );
}

/** A point with a sign in it: a circle for where one goes, a square for where one starts. */
export function MapPoint({ at, sign, square = false, tone }: { at: Pixel; sign: string; square?: boolean; tone?: string }): ReactNode {
  const radius = 15;
  return (
    <g className="map-point" data-tone={tone}>
      {square ? (
        <rect x={at.x - radius} y={at.y - radius} width={2 * radius} height={2 * radius} rx="4" />
      ) : (
        <circle cx={at.x} cy={at.y} r={radius} />
      )}
      <text x={at.x} y={at.y}>
        {sign}
      </text>
    </g>
  );
}
