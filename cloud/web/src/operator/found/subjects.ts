import type { components } from "../../api/schema";

type Tree = components["schemas"]["PlaceTree"];
type Role = components["schemas"]["SensorRole"];

export type Subject = { kind: "elder" | "bed" | "room"; id: string; label: string };

/** In the order of what a home has most of. */
export const ROLES: readonly Role[] = [
  "wearable", "button", "bed", "radar", "motion", "door", "outer_door", "smoke", "gas", "water",
  "spot_vitals", "appliance", "seat", "climate", "locator",
];

/** Everybody and everything a device can belong to: elders first, then beds and rooms. */
export function subjects(tree: Tree): Subject[] {
  const groups = [...tree.units, ...tree.homes];
  const rooms = groups.flatMap((group) => group.rooms.map((room) => ({ group: group.name, room })));
  const beds = rooms.flatMap(({ group, room }) =>
    room.beds.map((bed) => ({ bed, label: `${group} ${room.name}-${bed.name}` })),
  );
  return [
    ...beds.flatMap(({ bed, label }) =>
      // Whose name a role may not see has no id here either.
      bed.resident?.elder_id == null
        ? []
        : [{ kind: "elder" as const, id: bed.resident.elder_id, label: `${bed.resident.name}（${label}）` }],
    ),
    ...beds.map(({ bed, label }) => ({ kind: "bed" as const, id: bed.id, label })),
    ...rooms.map(({ group, room }) => ({
      kind: "room" as const,
      id: room.id,
      label: `${group} ${room.name}`,
    })),
  ];
}
