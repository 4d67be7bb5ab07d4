/** Who can be seen, as units of rooms with beds: the floor plan of the operator, without health data. */
import type { ElderCoverage } from "../../api/types";
import type { FloorBed, FloorUnit } from "../../shared/floor/layout";

export type Words = { state: (elder: ElderCoverage) => string; homes: string; nowhere: string };

// `2 楼 护理一区 203-1 床`, as the server writes a bed; anything else with a blank is a home's room.
const BED = /^(.*) (\S+)-(\S+) 床$/;

function whereOf(place: string | null, words: Words): [unit: string, room: string, bed: string] {
  if (place === null) return [words.nowhere, words.nowhere, ""];
  const [, unit, room, bed] = BED.exec(place) ?? [];
  if (unit !== undefined && room !== undefined && bed !== undefined) return [unit, room, `${room}-${bed}`];
  return [words.homes, place, place];
}

const stateOf = (elder: ElderCoverage): FloorBed["state"] =>
  elder.cause === "no_devices" ? "unknown" : elder.state === "protected" ? "watched" : elder.state;

/** Sorted by place; a person without devices is not known, never well. */
export function mapOf(elders: readonly ElderCoverage[], words: Words): FloorUnit[] {
  const units = new Map<string, Map<string, FloorBed[]>>();
  const sorted = [...elders].sort((a, b) =>
    (a.place ?? "\uffff").localeCompare(b.place ?? "\uffff", "zh", { numeric: true }),
  );
  for (const elder of sorted) {
    const [unit, room, bed] = whereOf(elder.place, words);
    const rooms = units.get(unit) ?? new Map<string, FloorBed[]>();
    units.set(unit, rooms);
    const beds = rooms.get(room) ?? [];
    rooms.set(room, beds);
    const state = stateOf(elder);
    beds.push({
      id: elder.elder_id,
      label: bed,
      name: elder.elder_name,
      state,
      detail: state === "watched" ? undefined : words.state(elder),
    });
  }
  return [...units].map(([name, rooms]) => ({
    id: name,
    name,
    rooms: [...rooms].map(([room, beds]) => ({ id: `${name} ${room}`, name: room, beds })),
  }));
}
