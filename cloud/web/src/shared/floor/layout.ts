/** Where each room and bed of a unit is drawn: rooms flow in rows, a room is as wide as its beds. */

export type BedState = "in_bed" | "up" | "watched" | "out" | "alert" | "degraded" | "blind" | "unknown" | "empty";

export type FloorBed = {
  id: string;
  label: string;
  state: BedState;
  /** Who lies there, if that may be shown. */
  name?: string | undefined;
  /** One short line of detail: a code of an alert, or since when. */
  detail?: string | undefined;
};
export type FloorRoom = { id: string; name: string; beds: readonly FloorBed[] };
export type FloorUnit = { id: string; name: string; rooms: readonly FloorRoom[] };

export const BED_W = 96;
export const BED_H = 74;
const HEAD_H = 18;
const GAP = 8;
const PAD = 4;

export type PlacedBed = { bed: FloorBed; x: number; y: number };
export type PlacedRoom = { room: FloorRoom; x: number; y: number; width: number; height: number; beds: PlacedBed[] };
export type Layout = { width: number; height: number; rooms: PlacedRoom[] };

/** `widthPx`: what there is to draw on; a room wider than that gets its beds in several rows. */
export function layOut(rooms: readonly FloorRoom[], widthPx: number): Layout {
  const width = Math.max(BED_W + 2 * PAD, Math.floor(widthPx));
  const most = Math.max(1, Math.floor((width - 2 * PAD) / BED_W));
  const placed: PlacedRoom[] = [];
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  for (const room of rooms) {
    const columns = Math.min(most, Math.max(1, room.beds.length));
    const lines = Math.max(1, Math.ceil(room.beds.length / columns));
    const roomWidth = columns * BED_W + 2 * PAD;
    const height = HEAD_H + lines * BED_H + PAD;
    if (x > 0 && x + roomWidth > width) {
      x = 0;
      y += rowHeight + GAP;
      rowHeight = 0;
    }
    placed.push({
      room, x, y, width: roomWidth, height,
      beds: room.beds.map((bed, index) => ({
        bed,
        x: x + PAD + (index % columns) * BED_W,
        y: y + HEAD_H + Math.floor(index / columns) * BED_H,
      })),
    }); // prettier-ignore
    x += roomWidth + GAP;
    rowHeight = Math.max(rowHeight, height);
  }
  return { width, height: y + rowHeight, rooms: placed };
}

/** Of several things that are so at once, the one that must be seen. */
export const BED_STATES: readonly BedState[] = [
  "alert", "blind", "degraded", "out", "up", "in_bed", "watched", "unknown", "empty",
]; // prettier-ignore
