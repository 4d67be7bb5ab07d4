import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { ElderPicker } from "../../shared/ElderPicker";
import { Fetching } from "../../shared/Fetching";
import { ActionButton, CallForm, localNow, SelectField, TextField, toIso } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { metres } from "../visits/words";
import { KINDS, type Order, ORDER_KEYS, type OrderIn, type OrderMoveIn, orders } from "./calls";

const WAIT_MS = 10_000;
const CONFIRMERS = ["elder", "relative", "nobody"] as const;

/** Where this phone is; null where it does not say. */
const here = (): Promise<OrderMoveIn["place"]> =>
  new Promise((resolve) => {
    if (!("geolocation" in navigator)) resolve(null);
    else
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => resolve({ lat: coords.latitude, lon: coords.longitude, accuracy_m: coords.accuracy }),
        () => resolve(null),
        { timeout: WAIT_MS, maximumAge: 60_000 },
      );
  });

/** Meals, bathing and medical help of a day: begun at the door, confirmed by the elder. */
export function OrdersPage(): ReactNode {
  const { t } = useTranslation("orders");
  const { me } = useMe();
  const [day, setDay] = useState(() => localNow().slice(0, 10));
  const { data, failureReason } = useQuery({ queryKey: ORDER_KEYS.day(day), queryFn: () => orders.day(day), enabled: day !== "" });
  const writes = me?.permissions.includes("care_write") ?? false;
  return (
    <>
      <TextField label={t("day")} type="date" value={day} onChange={setDay} required />
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data && (
        <DataTable
          title={t("title")}
          rows={data.orders}
          rowKey={({ id }) => id}
          empty={t("empty")}
          columns={[
            { title: t("when"), cell: (row) => dayAndClock(row.wanted_at) },
            { title: t("elder"), cell: (row) => row.elder_name },
            { title: t("kindTitle"), cell: (row) => t(`kind.${row.kind}`) },
            { title: t("provider"), cell: (row) => row.provider },
            { title: t("stateTitle"), cell: (row) => <State order={row} /> },
            { title: t("do"), cell: (row) => writes && <Actions order={row} /> },
          ]}
        />
      )}
      {writes && <AddOrder />}
    </>
  );
}

function State({ order }: { order: Order }): ReactNode {
  const { t } = useTranslation("orders");
  const place = order.no_place_reason
    ? t("noPlace", { why: order.no_place_reason })
    : order.distance_m !== null && t("fromDoor", { m: metres(order.distance_m) });
  return (
    <>
      {t(`state.${order.state}`)} {order.late && <strong className="overdue">{t("late")}</strong>}
      {order.begun_at && (
        <small>
          {" "}
          {dayAndClock(order.begun_at)} – {order.ended_at && dayAndClock(order.ended_at)} {order.served_by} {place}
        </small>
      )}
      {order.confirmed_by && <small> {t(`confirmed.${order.confirmed_by}`, { name: order.confirmed_name })}</small>}
    </>
  );
}

function Actions({ order }: { order: Order }): ReactNode {
  const { t } = useTranslation("orders");
  const queryClient = useQueryClient();
  const make = async (body: OrderMoveIn) => {
    await orders.move(order.id, body);
    await queryClient.invalidateQueries({ queryKey: ORDER_KEYS.all });
  };
  const begin = async () => {
    const place = await here();
    await make({ move: "begin", reason: "", place: place ?? null, no_place_reason: place ? "" : t("couldNotLocate"), confirmed_name: "" });
  };
  const finish = (by: string, name: string, reason: string) =>
    make({ move: "finish", confirmed_by: by as (typeof CONFIRMERS)[number], confirmed_name: name, reason, no_place_reason: "" });
  return (
    <>
      {order.allowed.map((move) => {
        if (move === "begin") return <ActionButton key={move} label={t("move.begin")} onPress={begin} />;
        if (move === "finish")
          return (
            <AskButton
              key={move}
              label={t("move.finish")}
              questions={[
                {
                  name: "by", label: t("confirmBy"), required: true, initial: "elder",
                  options: CONFIRMERS.map((value) => ({ value, label: t(`confirmer.${value}`) })),
                },
                { name: "name", label: t("confirmName") },
                { name: "reason", label: t("confirmReason") },
              ]}
              onAnswer={({ by, name, reason }) => finish(by ?? "elder", name ?? "", reason ?? "")}
            />
          );
        if (move === "order") return null;
        return (
          <AskButton
            key={move}
            label={t(`move.${move}`)}
            questions={[{ name: "reason", label: t("reason"), required: true }]}
            onAnswer={({ reason }) => make({ move, reason: reason ?? "", no_place_reason: "", confirmed_name: "" })}
          />
        );
      })}
    </>
  );
}

function AddOrder(): ReactNode {
  const { t } = useTranslation("orders");
  const queryClient = useQueryClient();
  const id = useRef(crypto.randomUUID());
  const [elder, setElder] = useState("");
  const [kind, setKind] = useState<OrderIn["kind"]>("meal");
  const [at, setAt] = useState(() => localNow());
  const [provider, setProvider] = useState("");
  const [note, setNote] = useState("");
  const send = async () => {
    await orders.add(elder, { id: id.current, kind, wanted_at: toIso(at), provider, purchaser: "", note });
    id.current = crypto.randomUUID();
    await queryClient.invalidateQueries({ queryKey: ORDER_KEYS.all });
  };
  return (
    <CallForm title={t("add")} submit={t("add")} onSubmit={send} testId="add-order">
      <ElderPicker label={t("elder")} value={elder} onChange={setElder} />
      <SelectField
        label={t("kindTitle")}
        value={kind}
        onChange={(value) => setKind(value as OrderIn["kind"])}
        options={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))}
      />
      <TextField label={t("when")} type="datetime-local" value={at} onChange={setAt} required />
      <TextField label={t("provider")} value={provider} onChange={setProvider} required />
      <TextField label={t("note")} value={note} onChange={setNote} />
    </CallForm>
  );
}
