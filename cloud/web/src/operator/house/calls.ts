/** Calls for places and devices. */
import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type PlaceTree = Schemas["PlaceTree"];
export type BedNode = Schemas["BedNode"];
export type UnitNode = Schemas["UnitNode"];
export type RoomNode = Schemas["RoomNode"];
export type Home = Schemas["HomeOut"];
export type Device = Schemas["DeviceOut"];
export type Fault = Schemas["FaultOut"];
export type DeviceTasks = Schemas["DeviceTasksOut"];
export type BedKind = Schemas["BedNode"]["kind"];
export type DeviceKind = Device["kind"];
export type SensorRole = Schemas["SensorIn"]["role"];
export type RoomKind = NonNullable<Schemas["SensorIn"]["room_kind"]>;
export type ListState = "assigned" | "spare" | "faulty" | "retired";

export const HOUSE_KEYS = {
  places: ["places"],
  home: (id: string) => ["home", id],
  devices: (query: object) => ["devices", query],
  tasks: ["device-tasks"],
} as const;

const match = (version: number) => ({ "If-Match": `"${version}"` });

export const house = {
  places: (): Promise<PlaceTree> => answer(client.GET("/api/v1/places")),
  addBuilding: (name: string) => answer(client.POST("/api/v1/buildings", { body: { name, address: "", sort_order: 0 } })),
  addUnit: (name: string, building_id: string | null, sort_order: number) =>
    answer(client.POST("/api/v1/units", { body: { name, building_id, sort_order } })),
  addRoom: (name: string, parent: { unit_id: string } | { home_id: string }) =>
    answer(client.POST("/api/v1/rooms", { body: { name, ...parent } })),
  addBed: (name: string, room_id: string, kind: BedKind) =>
    answer(client.POST("/api/v1/beds", { body: { name, room_id, kind, state: "available", note: "" } })),
  changeBed: (bed: BedNode, room_id: string, changes: Partial<Pick<BedNode, "name" | "state">>) =>
    answer(
      client.PUT("/api/v1/beds/{bed_id}", {
        params: { path: { bed_id: bed.id }, header: match(bed.version) },
        body: { name: bed.name, room_id, kind: bed.kind, state: bed.state, note: bed.note, ...changes },
      }),
    ),
  closeBed: (bed: BedNode) =>
    answer(
      client.DELETE("/api/v1/beds/{bed_id}", {
        params: { path: { bed_id: bed.id }, header: match(bed.version) },
      }),
    ),
  renameUnit: (unit: UnitNode, name: string) =>
    answer(
      client.PUT("/api/v1/units/{unit_id}", {
        params: { path: { unit_id: unit.id }, header: match(unit.version) },
        body: { name, sort_order: unit.sort_order, building_id: unit.building_id },
      }),
    ),
  closeUnit: (unit: UnitNode) =>
    answer(
      client.DELETE("/api/v1/units/{unit_id}", {
        params: { path: { unit_id: unit.id }, header: match(unit.version) },
      }),
    ),
  renameRoom: (room: RoomNode, unit_id: string, name: string) =>
    answer(
      client.PUT("/api/v1/rooms/{room_id}", {
        params: { path: { room_id: room.id }, header: match(room.version) },
        body: { name, unit_id },
      }),
    ),
  closeRoom: (room: RoomNode) =>
    answer(
      client.DELETE("/api/v1/rooms/{room_id}", {
        params: { path: { room_id: room.id }, header: match(room.version) },
      }),
    ),
  addHome: (name: string, operator_unit_id: string | null, address: string, entry: string) =>
    answer(
      client.POST("/api/v1/homes", { body: { name, operator_unit_id, address, entry, state: "fitting" } }),
    ),
  home: (home_id: string): Promise<Home> =>
    answer(client.GET("/api/v1/homes/{home_id}", { params: { path: { home_id } } })),
  fit: (home: Home, item: Home["kit"][number], spot: string, device_id: string | null) =>
    answer(
      client.PUT("/api/v1/homes/{home_id}/kit/{kit_item_id}", {
        params: { path: { home_id: home.id, kit_item_id: item.id } },
        body: { kind: item.kind, spot, device_id, fitted: true, warranty_until: item.warranty_until },
      }),
    ),
  check: (home: Home, check: Home["checks"][number], done: boolean) =>
    answer(
      client.PUT("/api/v1/homes/{home_id}/checks/{home_check_id}", {
        params: { path: { home_id: home.id, home_check_id: check.id } },
        body: { done, note: check.note },
      }),
    ),
  checkPhoto: (home: Home, check: Home["checks"][number], photo: Blob) =>
    answer(
      client.POST("/api/v1/homes/{home_id}/checks/{home_check_id}/photos", {
        params: { path: { home_id: home.id, home_check_id: check.id } },
        body: photo as unknown as string,
        bodySerializer: () => photo,
        headers: { "Content-Type": "image/jpeg" },
      }),
    ),
  accept: (home: Home, accepted_by: string, warranty_until: string) =>
    answer(
      client.POST("/api/v1/homes/{home_id}/acceptance", {
        params: { path: { home_id: home.id } },
        body: { accepted_by, warranty_until, note: "" },
      }),
    ),

  devices: (query: { q?: string; state?: ListState; after?: string }) =>
    answer(client.GET("/api/v1/devices", { params: { query } })),
  tasks: (): Promise<DeviceTasks> => answer(client.GET("/api/v1/device-tasks")),
  addDevice: (device: { id: string; model: string; kind: DeviceKind; label: string; serial: string }) =>
    answer(client.POST("/api/v1/devices", { body: device })),
  test: (device_id: string, passed: boolean) =>
    answer(
      client.POST("/api/v1/devices/{device_id}/tests", {
        params: { path: { device_id } },
        body: { passed, note: "" },
      }),
    ),
  fault: (device_id: string, description: string) =>
    answer(
      client.POST("/api/v1/devices/{device_id}/faults", {
        params: { path: { device_id } },
        body: { description },
      }),
    ),
  stopgap: (fault_id: string, way: "staff" | "substitute", substitute_device_id: string | null) =>
    answer(
      client.PUT("/api/v1/device-faults/{fault_id}/stopgap", {
        params: { path: { fault_id } },
        body: { way, substitute_device_id, note: "" },
      }),
    ),
  repaired: (fault_id: string) =>
    answer(
      client.PUT("/api/v1/device-faults/{fault_id}/end", {
        params: { path: { fault_id } },
        body: { outcome: "repaired" },
      }),
    ),
  retire: (device_id: string, reason: string) =>
    answer(
      client.POST("/api/v1/devices/{device_id}/retirement", {
        params: { path: { device_id } },
        body: { reason },
      }),
    ),
  placeSensor: (device_id: string, sensor: { role: SensorRole; room_kind: RoomKind; room: string }) =>
    answer(client.PUT("/api/v1/devices/{device_id}/sensor", { params: { path: { device_id } }, body: sensor })),
  assign: (device_id: string, to: { bed_id: string } | { room_id: string } | { elder_id: string }, at: string) =>
    answer(
      client.POST("/api/v1/devices/{device_id}/assignments", {
        params: { path: { device_id } },
        body: { ...to, at, take_over: true },
      }),
    ),
  takeBack: (device_id: string, at: string) =>
    answer(
      client.POST("/api/v1/devices/{device_id}/take-back", {
        params: { path: { device_id } },
        body: { at },
      }),
    ),
};
