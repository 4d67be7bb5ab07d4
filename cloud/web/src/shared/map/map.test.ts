import { expect, it } from "vitest";

import { distanceKm, fit, inView, kmPerPixel, project, scaleBar, tilesOf } from "./map";

const A = { lat: 29.53, lon: 106.49 };
const B = { lat: 29.55, lon: 106.52 };

it("puts the middle of the world into the middle", () => {
  expect(project({ lat: 0, lon: 0 }, 0)).toEqual({ x: 128, y: 128 });
});

it("fits all places with a margin, the north above and the east to the right", () => {
  const view = fit([A, B], 400, 300, 40);
  const [a, b] = [inView(A, view), inView(B, view)];
  for (const { x, y } of [a, b]) {
    expect(x).toBeGreaterThanOrEqual(40);
    expect(x).toBeLessThanOrEqual(360);
    expect(y).toBeGreaterThanOrEqual(40);
    expect(y).toBeLessThanOrEqual(260);
  }
  expect(b.x).toBeGreaterThan(a.x);
  expect(b.y).toBeLessThan(a.y);
  // One zoom closer would not fit.
  const [west, east] = [project(A, view.zoom + 1), project(B, view.zoom + 1)];
  expect(east.x - west.x > 320 || west.y - east.y > 220).toBe(true);
});

it("shows one place in the middle", () => {
  expect(inView(A, fit([A], 400, 300, 40))).toEqual({ x: 200, y: 150 });
});

it("asks for tiles only where a server is set, and covers the view", () => {
  const view = fit([A, B], 400, 300, 40);
  expect(tilesOf(view, "")).toEqual([]);
  const tiles = tilesOf(view, "https://t.example.org/{z}/{x}/{y}.png");
  expect(Math.min(...tiles.map(({ x }) => x))).toBeLessThanOrEqual(0);
  expect(Math.max(...tiles.map(({ x, size }) => x + size))).toBeGreaterThanOrEqual(400);
  expect(tiles[0]?.href).toMatch(new RegExp(`^https://t.example.org/${view.zoom}/\\d+/\\d+.png$`));
});

it("reckons distances as the hub does, and a bar that fits", () => {
  expect(distanceKm({ lat: 0, lon: 0 }, { lat: 1, lon: 0 })).toBeCloseTo(111.19, 1);
  expect(distanceKm(A, A)).toBe(0);
  const bar = scaleBar(29.5, 12, 120);
  expect(bar.px).toBeLessThanOrEqual(120);
  expect(bar.km / bar.px).toBeCloseTo(kmPerPixel(29.5, 12), 6);
});
