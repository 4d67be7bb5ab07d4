import "../shared/frame.css";

import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { LiveState } from "../api/live";
import type { Me, Status } from "../api/types";
import { AreaLinks } from "../shared/AreaLinks";
import { HeaderMenu } from "../shared/HeaderMenu";
import { clockTime, serverClock, useServerSecond } from "../shared/time";
import { alarmSound, useRinging, useSoundState } from "../shared/useSound";

function ServerTime(): ReactNode {
  const { t } = useTranslation();
  const second = useServerSecond();
  return (
    <span className="server-time">
      <span className="sr-only">{t("header.serverTime")} </span>
      {serverClock.isKnown ? clockTime(second * 1000) : "--:--:--"}
    </span>
  );
}

function ConnectionChip({ live }: { live: LiveState }): ReactNode {
  const { t } = useTranslation();
  const since = clockTime(live.sinceMs);
  const text = {
    connecting: t("connection.connecting"),
    connected: t("connection.connected"),
    reconnecting: t("connection.reconnecting", { since }),
    lost: t("connection.lost", { since }),
  };
  const good = live.kind === "connected";
  return (
    <span className="chip" role="status" data-testid="connection-state" data-state={live.kind} data-good={good}>
      {text[live.kind]}
    </span>
  );
}

/** Online is only said while the line it was heard on is alive. */
function GatewayChip({ status, live }: { status: Status | null; live: LiveState }): ReactNode {
  const { t } = useTranslation();
  const total = status?.gateways.length ?? 0;
  const online = status?.gateways.filter((gateway) => gateway.state === "online").length ?? 0;
  const allOnline = total > 0 && online === total;
  const good = allOnline && live.kind === "connected";
  const text =
    status === null || (allOnline && !good)
      ? t("gateway.unknown")
      : total === 0
        ? t("gateway.none")
        : good
          ? t("gateway.online", { online, total })
          : t("gateway.offlineShort", { offline: total - online, total });
  return (
    <span className="chip" role="status" data-testid="gateway-state" data-good={good}>
      {text}
    </span>
  );
}

function SoundChip(): ReactNode {
  const { t } = useTranslation();
  const state = useSoundState();
  const ringing = useRinging();
  const good = state === "running";
  return (
    <span className="chip" role="status" data-testid="sound-state" data-state={state} data-good={good}>
      {ringing ? t("sound.ringing") : good ? t("sound.on") : t("sound.off")}
    </span>
  );
}

type Props = {
  me: Me | undefined;
  live: LiveState;
  status: Status | null;
  guards: boolean | null;
  onLogout: () => void;
};

function GuardChip({ guards }: { guards: boolean | null }): ReactNode {
  const { t } = useTranslation();
  if (guards === null) return null;
  return (
    <span className="chip" role="status" data-testid="guard-state" data-good={guards}>
      {guards ? t("guard.on") : t("guard.off")}
    </span>
  );
}

/** Who, where, when, and whether this screen can be believed. */
export function DutyHeader({ me, live, status, guards, onLogout }: Props): ReactNode {
  const { t } = useTranslation();
  const sound = useSoundState();
  return (
    <header className="header">
      <div className="header-title">
        <h1>
          {me?.institution.name ?? t("app.name")} <span>{t("header.page")}</span>
        </h1>
        <ServerTime />
      </div>
      <div className="header-chips">
        <ConnectionChip live={live} />
        <GatewayChip status={status} live={live} />
        <SoundChip />
        <GuardChip guards={guards} />
      </div>
      <HeaderMenu
        me={me}
        onLogout={onLogout}
        links={
          <>
            {me?.permissions.includes("care_read") === true && (
              <Link className="header-link" to="/care/handover">
                {t("header.handover")}
              </Link>
            )}
            <AreaLinks me={me} current="duty" />
          </>
        }
      >
        {sound === "running" && (
          <Button type="text" onClick={() => alarmSound.test()}>
            {t("sound.test")}
          </Button>
        )}
      </HeaderMenu>
    </header>
  );
}
