import "./duty.css";

import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { api } from "../api/client";
import { type AlertSummary, isUnanswered } from "../api/types";
import { explain } from "../shared/explain";
import { alarmSound } from "../shared/useSound";
import { BlindBanners, SoundBanner, UnheardBanner } from "./Banners";
import { CoverageStrip } from "./CoverageStrip";
import { DutyHeader } from "./DutyHeader";
import { FloorPanel } from "./FloorPanel";
import { OpenList } from "./OpenList";
import { RecentList } from "./RecentList";
import { ShiftPanel } from "./ShiftPanel";
import {
  blindKeyOf,
  useAnnouncement,
  useHush,
  useRings,
  useTabTitle,
  useWakeLock,
} from "./useAttention";
import { useDesk } from "./useDesk";
import { useHeartbeat } from "./useHeartbeat";
import { useOpened } from "./useOpened";

const NO_ALERTS: readonly AlertSummary[] = [];

/** The plot's code is fetched while all is quiet, so that an alert does not wait for it. */
function useEarlyPlot(): void {
  useEffect(() => {
    void import("./EvidencePlot").catch(() => undefined); // asked for again with the first plot
  }, []);
}

export default function DutyPage(): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [failure, setFailure] = useState<string | null>(null);

  const leave = useCallback(
    (wasHere: boolean) => {
      queryClient.clear();
      void navigate(wasHere ? "/login?expired=1" : "/login", { replace: true });
    },
    [navigate, queryClient],
  );
  const desk = useDesk(leave);
  const blindKey = blindKeyOf(desk);
  const hush = useHush(blindKey);
  useRings(desk, blindKey, hush.untilMs !== null);
  useTabTitle(desk);
  const wake = useWakeLock();
  const guards = useHeartbeat(desk.live, wake, desk.me !== undefined);
  useEarlyPlot();
  const announcement = useAnnouncement(desk);
  const gone = useOpened(desk.alerts);

  const logOut = async () => {
    if (!window.confirm(t("header.logoutConfirm"))) return;
    try {
      await api.logOut();
    } catch (error) {
      setFailure(t("header.logoutFailed", { why: explain(t, error) }));
      return;
    }
    await alarmSound.close();
    leave(false);
  };

  const unanswered = desk.alerts?.some(isUnanswered) ?? false;
  return (
    <>
      <DutyHeader me={desk.me} live={desk.live} status={desk.status} guards={guards} onLogout={() => void logOut()} />
      <main className="duty">
        <BlindBanners desk={desk} hush={hush} />
        <CoverageStrip />
        <SoundBanner urgent={unanswered} />
        {failure !== null && (
          <p role="alert" className="card-failure">
            {failure}
          </p>
        )}
        {gone && (
          <p role="status" className="warn" data-testid="opened-gone">
            {t("alert.notHere")}
          </p>
        )}
        <div
          ref={announcement}
          className="sr-only"
          aria-live="assertive"
          aria-atomic="true"
          data-testid="announcement"
        />
        <OpenList desk={desk} />
        <UnheardBanner desk={desk} />
        <ShiftPanel me={desk.me} />
        <FloorPanel alerts={desk.alerts ?? NO_ALERTS} />
        <RecentList
          alerts={desk.recent}
          error={desk.recentError}
          accept={desk.accept}
          mayReopen={desk.me?.permissions.includes("alert_rules_manage") ?? false}
        />
      </main>
    </>
  );
}
