/** Made-up people and alerts for tests. */
import type { AlertDetail, AlertSummary, Status } from "../api/types";

export function anAlert(changes: Partial<AlertSummary> = {}): AlertSummary {
  return {
    id: "7d1f0a52-0000-4000-8000-000000000001",
    code: "fall_confirmed",
    category: "person",
    priority: "high",
    state: "raised",
    recovered: false,
    origin: "live",
    elder: {
      id: "7d1f0a52-0000-4000-8000-0000000000e1",
      name: "王秀兰",
      age: 85,
      sex: "female",
      care_note: "搀扶时走左侧",
    },
    place: { unit: "2 楼 护理一区", room: "201", bed: "1", label: "2 楼 护理一区 201-1 床" },
    device_id: "wearable-0001",
    happened_at: "2026-03-01T18:13:00.000Z",
    raised_at: "2026-03-01T18:13:02.000Z",
    late_s: 2,
    acknowledged_at: null,
    acknowledged_by: null,
    resolved_at: null,
    resolved_by: null,
    verdict: null,
    confidence: 0.97,
    count: 1,
    updated_at: "2026-03-01T18:13:02.000Z",
    follows_id: null,
    rings: 1,
    step: 0,
    second_due: false,
    suppressed: false,
    filed: null,
    flood_id: null,
    shelved_until: null,
    shelved_by: null,
    attending_at: null,
    attending_by: null,
    arrived_at: null,
    arrived_by: null,
    closed_at: null,
    closed_by: null,
    finding: null,
    injury: null,
    to_close: [],
    ...changes,
  };
}

export const acknowledged = (by: string): Partial<AlertSummary> => ({
  state: "acknowledged",
  acknowledged_at: "2026-03-01T18:14:05.000Z",
  acknowledged_by: by,
  updated_at: "2026-03-01T18:14:05.000Z",
});

export const resolved = (by: string): Partial<AlertSummary> => ({
  ...acknowledged(by),
  state: "resolved",
  resolved_at: "2026-03-01T18:20:00.000Z",
  resolved_by: by,
  verdict: "true",
  updated_at: "2026-03-01T18:20:00.000Z",
});

export function aDetail(changes: Partial<AlertDetail> = {}): AlertDetail {
  return {
    ...anAlert(),
    cause: null,
    measure: null,
    family: null,
    rules_version: "2",
    rule: "raise",
    events: [
      {
        id: "e1",
        kind: "fall_confirmed",
        device_id: "wearable-0001",
        happened_at: "2026-03-01T18:13:00.000Z",
        decided_at: "2026-03-01T18:13:02.000Z",
        confidence: 0.97,
        reasons: [
          { code: "impact", values: { peak_g: 5 }, text_zh: "身体受到撞击", text_en: "The body hit something" },
        ],
        detector: { name: "fall", version: "1", settings: {} },
        evidence: null,
      },
    ],
    moves: [],
    ledger: [{ hop: "sensed", at: "2026-03-01T18:13:00.000Z", by: "wearable-0001" }],
    ...changes,
  };
}

export function aStatus(changes: Partial<Status> = {}): Status {
  return {
    server_time: "2026-03-01T18:15:00.000Z",
    gateways: [aGateway()],
    devices: { assigned: 2, silent: 0, devices: [aDevice("王秀兰"), aDevice("李国强")] },
    quarantine: [],
    ...changes,
  };
}

export function aGateway(
  changes: Partial<Status["gateways"][number]> = {},
): Status["gateways"][number] {
  return {
    id: "7d1f0a52-0000-4000-8000-0000000000a1",
    name: "网关-1",
    state: "online",
    last_heartbeat_at: "2026-03-01T18:14:50.000Z",
    urgent_pending: 0,
    bulk_pending: 0,
    oldest_pending_at: null,
    rejected_total: 0,
    software_version: "0.1.0",
    clock_offset_s: 0,
    sources: { mqtt: true },
    source_details: {},
    ...changes,
  };
}

export function aDevice(
  elder: string,
  changes: Partial<Status["devices"]["devices"][number]> = {},
): Status["devices"]["devices"][number] {
  return {
    device_id: `wearable-${elder}`,
    silent: false,
    last_data_at: "2026-03-01T18:14:58.000Z",
    elder_name: elder,
    place: "2 楼 护理一区 201-1 床",
    ...changes,
  };
}
