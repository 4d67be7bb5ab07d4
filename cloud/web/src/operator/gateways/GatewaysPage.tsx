import "./gateways.css";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import Input from "antd/es/input";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { clockTime } from "../../shared/time";
import { Waiting } from "../../shared/Waiting";
import { type Gateway, type GatewayCode, gateways, GATEWAYS_KEY } from "./calls";
import { SettingsPanel } from "./SettingsPanel";

const REFRESH_MS = 5_000;
// A gateway puts its own clock right beyond two seconds; people should mend the machine's.
const CLOCK_TOLERANCE_S = 2;
const MIB = 1024 * 1024;

/** The gateways of the house: how each is, and how a machine becomes one or is shut out. */
export default function GatewaysPage(): ReactNode {
  const { t } = useTranslation("operator");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const [shown, setShown] = useState<GatewayCode | null>(null);
  const [opened, setOpened] = useState<string | null>(null);
  const { data, failureReason } = useQuery({
    queryKey: GATEWAYS_KEY,
    queryFn: gateways.list,
    refetchInterval: REFRESH_MS,
  });
  const change = useMutation({
    mutationFn: (work: () => Promise<Gateway | GatewayCode>) => work(),
    onSuccess: (made) => {
      if ("code" in made) setShown(made);
      void queryClient.invalidateQueries({ queryKey: GATEWAYS_KEY });
    },
  });
  const failure = change.error ?? failureReason;
  const settingsOf = data?.gateways.find(({ id }) => id === opened);
  return (
    <>
      {failure !== null && (
        <p role="alert" className="banner">
          {t("gateways.failed", { why: explain(common, failure) })}
        </p>
      )}
      <NewGateway busy={change.isPending} onCreate={(name) => change.mutate(() => gateways.create(name))} />
      {shown !== null && <CodePanel made={shown} onClose={() => setShown(null)} />}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && (
        <DataTable
          title={t("section.gateways")}
          rows={data.gateways}
          rowKey={({ id }) => id}
          empty={t("gateways.none")}
          columns={[
            { title: t("overview.name"), cell: (row) => row.name },
            { title: t("overview.state"), cell: (row) => <State row={row} /> },
            {
              title: t("overview.lastContact"),
              cell: (row) =>
                row.last_heartbeat_at === null
                  ? t("overview.never")
                  : clockTime(Date.parse(row.last_heartbeat_at)),
            },
            { title: t("overview.waiting"), cell: (row) => <Queue row={row} /> },
            { title: t("gateways.clock"), cell: (row) => <ClockOffset row={row} /> },
            { title: t("gateways.sources"), cell: (row) => <Sources row={row} /> },
            { title: t("gateways.version"), cell: (row) => row.software_version ?? "–" },
            {
              title: t("gateways.actions"),
              cell: (row) => (
                <Actions row={row} busy={change.isPending} onDo={change.mutate} onSettings={() => setOpened(row.id)} />
              ),
            },
          ]}
        />
      )}
      {settingsOf !== undefined && (
        <SettingsPanel key={settingsOf.id} row={settingsOf} onClose={() => setOpened(null)} />
      )}
    </>
  );
}

function NewGateway({ busy, onCreate }: { busy: boolean; onCreate: (name: string) => void }): ReactNode {
  const { t } = useTranslation("operator");
  const id = useId();
  const [name, setName] = useState("");
  return (
    <form
      className="gateway-new"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() === "") return;
        onCreate(name.trim());
        setName("");
      }}
    >
      <label htmlFor={id}>{t("gateways.newName")}</label>
      <Input id={id} value={name} maxLength={100} onChange={({ target }) => setName(target.value)} />
      <Button type="primary" htmlType="submit" disabled={busy || name.trim() === ""}>
        {t("gateways.create")}
      </Button>
    </form>
  );
}

/** The code is shown here and never again. */
function CodePanel({ made, onClose }: { made: GatewayCode; onClose: () => void }): ReactNode {
  const { t } = useTranslation("operator");
  const command = `yuyue gateway enroll --cloud ${globalThis.location.origin} --code ${made.code}`;
  return (
    <section className="gateway-code" aria-live="polite">
      <h2>{t("gateways.codeFor", { name: made.gateway.name })}</h2>
      <p className="gateway-code-text">{made.code}</p>
      <p>{t("gateways.codeOnce", { at: clockTime(Date.parse(made.code_expires_at)) })}</p>
      <pre>{command}</pre>
      <Button onClick={onClose}>{t("gateways.codeDone")}</Button>
    </section>
  );
}

function State({ row }: { row: Gateway }): ReactNode {
  const { t } = useTranslation("operator");
  if (row.revoked_at !== null) return <strong>{t("gateways.revoked")}</strong>;
  const words = {
    online: t("overview.online"),
    offline: t("overview.offline"),
    never: t("overview.neverSeen"),
  };
  return (
    <>
      {row.state === "online" ? words.online : <strong>{words[row.state]}</strong>}
      {row.local_alarm === "alarming" && <div>{t("gateways.alarming")}</div>}
      {row.mains === false && (
        <div>{t("gateways.onBattery", { percent: Math.round(row.battery_percent ?? 0) })}</div>
      )}
      {row.settings_error !== null && (
        <div>{t("gateways.settingsError", { why: row.settings_error })}</div>
      )}
    </>
  );
}

function Queue({ row }: { row: Gateway }): ReactNode {
  const { t } = useTranslation("operator");
  return (
    <>
      {t("overview.waitingText", { urgent: row.urgent_pending, bulk: row.bulk_pending })}
      {row.oldest_pending_at !== null && (
        <div>{t("gateways.oldest", { at: clockTime(Date.parse(row.oldest_pending_at)) })}</div>
      )}
      {row.disk_free_bytes !== null && (
        <div>{t("gateways.diskFree", { mib: Math.round(row.disk_free_bytes / MIB) })}</div>
      )}
    </>
  );
}

function ClockOffset({ row }: { row: Gateway }): ReactNode {
  const { t } = useTranslation("operator");
  if (row.clock_offset_s === null) return "–";
  const text = t("gateways.seconds", { seconds: row.clock_offset_s.toFixed(1) });
  return Math.abs(row.clock_offset_s) > CLOCK_TOLERANCE_S ? (
    <strong>{t("gateways.clockWrong", { offset: text })}</strong>
  ) : (
    text
  );
}

function Sources({ row }: { row: Gateway }): ReactNode {
  const { t } = useTranslation("operator");
  return (
    <>
      {Object.entries(row.sources).map(([name, up]) => (
        <div key={name}>
          {up ? t("gateways.sourceUp", { name }) : <strong>{t("gateways.sourceDown", { name })}</strong>}
        </div>
      ))}
      {row.devices_heard !== null && <div>{t("gateways.heard", { count: row.devices_heard })}</div>}
    </>
  );
}

type ActionsProps = {
  row: Gateway;
  busy: boolean;
  onDo: (work: () => Promise<Gateway | GatewayCode>) => void;
  onSettings: () => void;
};

function Actions({ row, busy, onDo, onSettings }: ActionsProps): ReactNode {
  const { t } = useTranslation("operator");
  const [sure, setSure] = useState(false);
  return (
    <div className="gateway-actions">
      {row.revoked_at === null && <Button onClick={onSettings}>{t("gateways.settings")}</Button>}
      <Button disabled={busy} onClick={() => onDo(() => gateways.code(row.id))}>
        {t("gateways.newCode")}
      </Button>
      {row.revoked_at === null && row.enrolled_at !== null && (
        <Button disabled={busy || row.rotating} onClick={() => onDo(() => gateways.rotate(row.id))}>
          {row.rotating ? t("gateways.rotating") : t("gateways.rotate")}
        </Button>
      )}
      {row.revoked_at === null && !sure && (
        <Button danger disabled={busy} onClick={() => setSure(true)}>
          {t("gateways.revoke")}
        </Button>
      )}
      {sure && (
        <span role="group" aria-label={t("gateways.revokeSure", { name: row.name })}>
          <span>{t("gateways.revokeSure", { name: row.name })}</span>
          <Button
            danger
            type="primary"
            disabled={busy}
            onClick={() => {
              setSure(false);
              onDo(() => gateways.revoke(row.id));
            }}
          >
            {t("gateways.revokeYes")}
          </Button>
          <Button onClick={() => setSure(false)}>{t("gateways.revokeNo")}</Button>
        </span>
      )}
    </div>
  );
}
