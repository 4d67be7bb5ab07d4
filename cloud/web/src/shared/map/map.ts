/** Degrees, WGS 84. */
export type Place = { lat: number; lon: number };

/** Web Mercator, as map tiles have it: pixels of the whole world at a zoom, from its north-west. */
const TILE_PX = 256;
const HIGHEST_ZOOM = 17;
const EARTH_RADIUS_KM = 6371;
const RADIANS = Math.PI / 180;
/** What a bar of scale may say: lengths that people reckon with. */
const BARS_KM = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export type Pixel = { x: number; y: number };
export type View = { zoom: number; left: number; top: number; width: number; height: number };
export type Tile = { href: string; x: number; y: number; size: number };

export function project({ lat, lon }: Place, zoom: number): Pixel {
  const world = TILE_PX * 2 ** zoom;
  const phi = (lat * Math.PI) / 180;
  return {
    x: ((lon + 180) / 360) * world,
    y: ((1 - Math.log(Math.tan(phi) + 1 / Math.cos(phi)) / Math.PI) / 2) * world,
  };
}

/** The closest zoom at which all places fit into the picture with a margin. */
export function fit(places: readonly Place[], width: number, height: number, margin: number): View {
  for (let zoom = HIGHEST_ZOOM; zoom >= 0; zoom -= 1) {
    const pixels = places.map((place) => project(place, zoom));
    const [xs, ys] = [pixels.map(({ x }) => x), pixels.map(({ y }) => y)];
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    if (zoom === 0 || (right - left <= width - 2 * margin && bottom - top <= height - 2 * margin)) {
      return {
        zoom, width, height,
        left: (left + right - width) / 2,
        top: (top + bottom - height) / 2,
      };
    }
  }
  throw new Error("unreachable: zoom 0 always fits");
}

export const inView = (place: Place, view: View): Pixel => {
  const { x, y } = project(place, view.zoom);
  return { x: x - view.left, y: y - view.top };
};

/** The tiles under a view; none where no server of tiles is set. */
export function tilesOf(view: View, template: string): Tile[] {
  if (template === "") return [];
  const count = 2 ** view.zoom;
  const tiles: Tile[] = [];
  for (let x = Math.floor(view.left / TILE_PX); x * TILE_PX < view.left + view.width; x += 1) {
    for (let y = Math.floor(view.top / TILE_PX); y * TILE_PX < view.top + view.height; y += 1) {
      if (x < 0 || y < 0 || x >= count || y >= count) continue;
      const href = template.replace("{z}", String(view.zoom)).replace("{x}", String(x)).replace("{y}", String(y));
      tiles.push({ href, x: x * TILE_PX - view.left, y: y * TILE_PX - view.top, size: TILE_PX });
    }
  }
  return tiles;
}

/** Along the great circle, as the hub reckons it (cloud/geo.py). */
export function distanceKm(a: Place, b: Place): number {
  const [halfLat, halfLon] = [((b.lat - a.lat) * RADIANS) / 2, ((b.lon - a.lon) * RADIANS) / 2];
  const chord =
    Math.sin(halfLat) ** 2 + Math.cos(a.lat * RADIANS) * Math.cos(b.lat * RADIANS) * Math.sin(halfLon) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** Kilometres of one pixel at a latitude. */
export const kmPerPixel = (lat: number, zoom: number): number =>
  (2 * Math.PI * EARTH_RADIUS_KM * Math.cos(lat * RADIANS)) / (TILE_PX * 2 ** zoom);

/** The longest plain length that fits: its kilometres, and how many pixels they are. */
export function scaleBar(lat: number, zoom: number, longestPx: number): { km: number; px: number } {
  const each = kmPerPixel(lat, zoom);
  const km = BARS_KM.findLast((length) => length / each <= longestPx) ?? BARS_KM[0] ?? 1;
  return { km, px: km / each };
}
