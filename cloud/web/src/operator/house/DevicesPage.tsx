import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { ActionButton, CallForm, localNow, SelectField, TextField, toIso } from "../../shared/forms";
import { clockTime } from "../../shared/time";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { ElderPicker } from "../../shared/ElderPicker";
import { ROLES } from "../found/subjects";
import {
  type Device, type DeviceKind, type Fault, house, HOUSE_KEYS, type ListState, type RoomKind, type SensorRole,
} from "./calls";

const STATES: readonly ListState[] = ["assigned", "spare", "faulty", "retired"];
const KINDS: readonly DeviceKind[] = [
  "button", "wearable", "bed", "radar", "motion", "door", "smoke", "gas", "water", "climate", "meter", "locator", "other",
];
const ROOM_KINDS: readonly RoomKind[] = ["entrance", "bedroom", "bathroom", "kitchen", "living", "hall", "other"];
const REFRESH_MS = 15_000;

function useDone(): () => Promise<void> {
  const queryClient = useQueryClient();
  return async () => {
    await queryClient.invalidateQueries({ queryKey: ["devices"] });
    await queryClient.invalidateQueries({ queryKey: HOUSE_KEYS.tasks });
  };
}

/** What is to be done about devices, all of them, and whose each is. */
export default function DevicesPage(): ReactNode {
  const { me } = useMe();
  const manages = me?.permissions.includes("devices_manage") ?? false;
  return (
    <>
      <Tasks manages={manages} />
      <DeviceList manages={manages} />
      {manages && (
        <>
          <Assign readsRecords={me?.permissions.includes("records_read") ?? false} />
          <Purpose />
          <AddDevice />
        </>
      )}
    </>
  );
}

function Tasks({ manages }: { manages: boolean }): ReactNode {
  const { t } = useTranslation("house");
  const { t: common } = useTranslation();
  const done = useDone();
  const { data, failureReason } = useQuery({
    queryKey: HOUSE_KEYS.tasks,
    queryFn: house.tasks,
    refetchInterval: REFRESH_MS,
  });
  if (failureReason !== null) return <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  if (data === undefined) return <Waiting />;
  return (
    <>
      <DataTable
        title={t("faults")}
        rows={data.faults}
        rowKey={({ id }) => id}
        empty={t("noFaults")}
        columns={[
          { title: t("deviceId"), cell: ({ device_id }) => device_id },
          { title: t("belongsTo"), cell: (row) => [row.elder_name, row.place].filter(Boolean).join(" · ") },
          { title: t("reportFault"), cell: (row) => `${row.description}（${row.reported_by}）` },
          { title: t("state"), cell: (row) => <FaultState fault={row} /> },
          {
            title: t("actions"),
            cell: (row) => (
              <>
                {row.stopgap_at === null && (
                  <>
                    <ActionButton
                      label={t("byStaff")}
                      onPress={async () => {
                        await house.stopgap(row.id, "staff", null).then(done);
                      }}
                    />
                    <AskButton
                      label={t("bySubstitute")}
                      questions={[{ name: "spare", label: t("substituteAsk"), required: true }]}
                      onAnswer={async ({ spare = "" }) => {
                        await house.stopgap(row.id, "substitute", spare).then(done);
                      }}
                    />
                  </>
                )}
                {manages && (
                  <ActionButton
                    label={t("repaired")}
                    onPress={async () => {
                      await house.repaired(row.id).then(done);
                    }}
                  />
                )}
              </>
            ),
          },
        ]}
      />
      <DataTable
        title={t("testsDue")}
        rows={data.tests_due}
        rowKey={({ device_id }) => device_id}
        empty={t("noTestsDue")}
        columns={[
          { title: t("deviceId"), cell: (row) => `${row.device_id} ${row.label}` },
          { title: t("belongsTo"), cell: (row) => [row.elder_name, row.place].filter(Boolean).join(" · ") },
          {
            title: t("actions"),
            cell: (row) => (
              <>
                <ActionButton
                  label={t("passed")}
                  onPress={async () => {
                    await house.test(row.device_id, true).then(done);
                  }}
                />
                <ActionButton
                  label={t("notPassed")}
                  onPress={async () => {
                    await house.test(row.device_id, false).then(done);
                  }}
                />
              </>
            ),
          },
        ]}
      />
    </>
  );
}

function FaultState({ fault }: { fault: Fault }): ReactNode {
  const { t } = useTranslation("house");
  if (fault.stopgap_way !== null)
    return t("stoodIn", { way: t(`ways.${fault.stopgap_way}`), by: fault.stopgap_by ?? "" });
  if (fault.is_overdue) return <strong>{t("overdue")}</strong>;
  if (fault.stopgap_due_at === null) return t("noClock");
  return t("stopgapDue", { time: clockTime(Date.parse(fault.stopgap_due_at)) });
}

function DeviceList({ manages }: { manages: boolean }): ReactNode {
  const { t } = useTranslation("house");
  const { t: common } = useTranslation();
  const done = useDone();
  const [q, setQ] = useState("");
  const [state, setState] = useState<ListState | "">("");
  const [after, setAfter] = useState<string[]>([]);
  const query = { ...(q ? { q } : {}), ...(state ? { state } : {}), ...(after.at(-1) === undefined ? {} : { after: after.at(-1) ?? "" }) };
  const { data, failureReason } = useQuery({
    queryKey: HOUSE_KEYS.devices(query),
    queryFn: () => house.devices(query),
  });
  const actions = (row: Device) =>
    manages &&
    row.condition !== "retired" && (
      <>
        {row.condition === "ok" && (
          <AskButton
            label={t("reportFault")}
            title={`${t("reportFault")} ${row.device_id}`}
            questions={[{ name: "what", label: t("faultAsk"), required: true }]}
            onAnswer={async ({ what = "" }) => {
              await house.fault(row.device_id, what).then(done);
            }}
          />
        )}
        {row.assigned_from !== null && (
          <AskButton
            label={t("takeBack")}
            title={t("takeBackAsk", { device: row.device_id, who: row.elder_name ?? row.place ?? "" })}
            questions={[{ name: "at", label: t("from"), type: "datetime-local", required: true, initial: localNow() }]}
            onAnswer={async ({ at = "" }) => {
              await house.takeBack(row.device_id, toIso(at)).then(done);
            }}
          />
        )}
        <AskButton
          label={t("retire")}
          title={`${t("retire")} ${row.device_id}`}
          questions={[{ name: "why", label: t("retireAsk"), required: true }]}
          onAnswer={async ({ why = "" }) => {
            await house.retire(row.device_id, why).then(done);
          }}
        />
      </>
    );
  return (
    <>
      <div className="tools">
        <TextField
          label={t("search")}
          value={q}
          type="search"
          onChange={(value) => {
            setQ(value.trim());
            setAfter([]);
          }}
        />
        <SelectField
          label={t("state")}
          value={state}
          onChange={(value) => {
            setState(value as ListState | "");
            setAfter([]);
          }}
          options={[
            { value: "", label: t("all") },
            ...STATES.map((value) => ({ value, label: t(`listState.${value}`) })),
          ]}
        />
      </div>
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && (
        <DataTable
          title={t("list")}
          rows={data.devices}
          rowKey={({ device_id }) => device_id}
          empty={t("noDevices")}
          columns={[
            { title: t("deviceId"), cell: (row) => row.device_id },
            { title: t("type"), cell: (row) => `${t(`deviceKind.${row.kind}`)} ${row.label}` },
            {
              title: t("belongsTo"),
              cell: (row) => [row.elder_name, row.place].filter(Boolean).join(" · ") || t("nobody"),
            },
            {
              title: t("state"),
              cell: (row) => `${t(`condition.${row.condition}`)}${row.silent ? ` · ${t("silent")}` : ""}`,
            },
            {
              title: t("lastData"),
              cell: (row) => (row.last_data_at === null ? t("never") : clockTime(Date.parse(row.last_data_at))),
            },
            { title: t("actions"), cell: actions },
          ]}
        />
      )}
      {data?.next && (
        <ActionButton
          label={t("more")}
          onPress={() => {
            setAfter([...after, data.next ?? ""]);
            return Promise.resolve();
          }}
        />
      )}
    </>
  );
}

function Assign({ readsRecords }: { readsRecords: boolean }): ReactNode {
  const { t } = useTranslation("house");
  const done = useDone();
  const [device, setDevice] = useState("");
  const [kind, setKind] = useState<"bed" | "room" | "elder">(readsRecords ? "elder" : "bed");
  const [target, setTarget] = useState("");
  const [at, setAt] = useState(localNow());
  const { data: tree } = useQuery({ queryKey: HOUSE_KEYS.places, queryFn: house.places });
  const rooms = [...(tree?.units ?? []), ...(tree?.homes ?? [])].flatMap((outer) =>
    outer.rooms.map((room) => ({ outer, room })),
  );
  const options =
    kind === "room"
      ? rooms.map(({ outer, room }) => ({ value: room.id, label: `${outer.name} ${room.name}` }))
      : rooms.flatMap(({ outer, room }) =>
          room.beds.map((bed) => ({ value: bed.id, label: `${outer.name} ${room.name}-${bed.name}` })),
        );
  const assign = async () => {
    const to = kind === "elder" ? { elder_id: target } : kind === "bed" ? { bed_id: target } : { room_id: target };
    await house.assign(device, to, toIso(at)).then(done);
  };
  return (
    <CallForm title={t("assign")} submit={t("assign")} onSubmit={assign} testId="assign-device">
      <TextField label={t("deviceId")} value={device} onChange={setDevice} required testId="assign-id" />
      <SelectField
        label={t("assignTo")}
        value={kind}
        testId="assign-kind"
        onChange={(value) => {
          setKind(value as typeof kind);
          setTarget("");
        }}
        options={[
          ...(readsRecords ? [{ value: "elder", label: t("elder") }] : []),
          { value: "bed", label: t("bed") },
          { value: "room", label: t("room") },
        ]}
      />
      {kind === "elder" ? (
        <ElderPicker label={t("elder")} value={target} onChange={setTarget} />
      ) : (
        <SelectField
          label={kind === "bed" ? t("bed") : t("room")}
          value={target}
          onChange={setTarget}
          required
          testId="assign-place"
          options={[{ value: "", label: t("choose") }, ...options]}
        />
      )}
      <TextField label={t("from")} value={at} onChange={setAt} type="datetime-local" required />
    </CallForm>
  );
}

/** What a device is for: a contact on the door one leaves home by tells "out" from "collapsed". */
function Purpose(): ReactNode {
  const { t } = useTranslation("house");
  const { t: operator } = useTranslation("operator");
  const done = useDone();
  const [device, setDevice] = useState("");
  const [role, setRole] = useState<SensorRole>("outer_door");
  const [roomKind, setRoomKind] = useState<RoomKind>("entrance");
  const [room, setRoom] = useState("");
  const place = async () => {
    await house.placeSensor(device.trim(), { role, room_kind: roomKind, room: room.trim() }).then(done);
  };
  return (
    <CallForm title={t("purpose")} submit={t("purposeSave")} onSubmit={place} testId="device-purpose">
      <p>{t("purposeHint")}</p>
      <TextField label={t("deviceId")} value={device} onChange={setDevice} required testId="purpose-id" />
      <SelectField
        label={t("purposeRole")}
        value={role}
        onChange={(value) => setRole(value as SensorRole)}
        testId="purpose-role"
        options={ROLES.map((value) => ({ value, label: operator(`found.roleName.${value}`) }))}
      />
      <SelectField
        label={t("roomKindLabel")}
        value={roomKind}
        onChange={(value) => setRoomKind(value as RoomKind)}
        testId="purpose-room-kind"
        options={ROOM_KINDS.map((value) => ({ value, label: t(`roomKind.${value}`) }))}
      />
      <TextField label={t("roomName")} value={room} onChange={setRoom} testId="purpose-room" />
    </CallForm>
  );
}

function AddDevice(): ReactNode {
  const { t } = useTranslation("house");
  const done = useDone();
  const [id, setId] = useState("");
  const [model, setModel] = useState("");
  const [kind, setKind] = useState<DeviceKind>("wearable");
  const [label, setLabel] = useState("");
  const [serial, setSerial] = useState("");
  const add = async () => {
    await house.addDevice({ id, model, kind, label, serial }).then(done);
    setId("");
    setSerial("");
  };
  return (
    <CallForm title={t("addDevice")} submit={t("addDevice")} onSubmit={add} testId="add-device">
      <TextField label={t("deviceId")} value={id} onChange={setId} required testId="device-id" />
      <TextField label={t("model")} value={model} onChange={setModel} required testId="device-model" />
      <SelectField
        label={t("type")}
        value={kind}
        onChange={(value) => setKind(value as DeviceKind)}
        options={KINDS.map((value) => ({ value, label: t(`deviceKind.${value}`) }))}
      />
      <TextField label={t("label")} value={label} onChange={setLabel} />
      <TextField label={t("serial")} value={serial} onChange={setSerial} />
    </CallForm>
  );
}
