/** What the desk knows and what it cannot know: pure, so that "calm" can be tested. */
import type { LiveState } from "../api/live";
import type { AlertSummary, DeviceStatus, GatewayStatus, Status } from "../api/types";

export type Knowledge = {
  live: LiveState;
  /** null: not loaded yet. */
  alerts: readonly AlertSummary[] | null;
  /** The last attempt to load the list failed. */
  listFailed: boolean;
  /** null: not loaded yet, or too old to be believed. */
  status: Status | null;
};

/** An elder nothing is heard of. */
export type Unheard = { name: string; place: string };

export type Situation = {
  /** The screen itself may be out of date. */
  screenBlind: boolean;
  gatewaysDown: GatewayStatus[];
  noGateway: boolean;
  /** Elders of whom no device reports; with every gateway down these are all elders. */
  unheard: Unheard[];
  /** Devices are assigned, and not one of them reports. */
  nobodyHeard: boolean;
  /** The way from the elders to this screen is whole: an empty list means no alerts. */
  sighted: boolean;
  /** And every elder is heard of: only then does the screen look calm. */
  calm: boolean;
};

/** Elders without a single device that reports. */
export function unheardElders(devices: readonly DeviceStatus[], allDown: boolean): Unheard[] {
  const elders = new Map<string, Unheard & { heard: boolean }>();
  for (const { elder_name, place, silent } of devices) {
    if (elder_name === null) continue;
    const key = `${elder_name}/${place ?? ""}`;
    const heard = elders.get(key)?.heard === true || (!silent && !allDown);
    elders.set(key, { name: elder_name, place: place ?? "", heard });
  }
  return [...elders.values()]
    .filter(({ heard }) => !heard)
    .map(({ name, place }) => ({ name, place }));
}

/** When a device was last heard through any gateway. */
export function lastDataAt(status: Status): string | null {
  const times = status.devices.devices.flatMap((device) => device.last_data_at ?? []);
  return times.sort().at(-1) ?? null;
}

export function assess({ live, alerts, listFailed, status }: Knowledge): Situation {
  const gateways = status?.gateways ?? [];
  const gatewaysDown = gateways.filter((gateway) => gateway.state !== "online");
  const allDown = gatewaysDown.length === gateways.length;
  const unheard = status === null ? [] : unheardElders(status.devices.devices, allDown);
  const devices = status?.devices ?? { assigned: 0, silent: 0 };
  const sighted =
    live.kind === "connected" &&
    alerts !== null &&
    !listFailed &&
    status !== null &&
    gateways.length > 0 &&
    gatewaysDown.length === 0;
  return {
    screenBlind: live.kind === "lost" || listFailed,
    gatewaysDown,
    noGateway: status !== null && gateways.length === 0,
    unheard,
    nobodyHeard: devices.assigned > 0 && (allDown || devices.silent === devices.assigned),
    sighted,
    calm: sighted && devices.assigned > 0 && unheard.length === 0,
  };
}
