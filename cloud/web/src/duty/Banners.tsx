import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "../shared/explain";
import { clockTime, shortTime } from "../shared/time";
import { alarmSound, useSoundState } from "../shared/useSound";
import type { Hush } from "./useAttention";
import type { Desk } from "./useDesk";

type Trouble = { id: string; title: string; detail?: string };

/** Everything the desk cannot see, in words. */
function useTroubles({ live, listError, situation, status, statusError }: Desk): Trouble[] {
  const { t } = useTranslation();
  const { gatewaysDown, noGateway, unheard } = situation;
  const troubles: Trouble[] = [];
  if (live.kind === "lost") {
    const detail = t("connection.lostDetail", { since: clockTime(live.sinceMs) });
    troubles.push({ id: "lost", title: t("connection.lostBanner"), detail });
  }
  if (listError !== null) {
    const title = t("connection.listFailed", { why: explain(t, listError) });
    troubles.push({ id: "list", title });
  }
  if (status === null && statusError !== null) {
    const title = t("connection.statusFailed", { why: explain(t, statusError) });
    troubles.push({ id: "status", title });
  }
  if (gatewaysDown.length > 0) {
    const title =
      unheard.length > 0
        ? t("gateway.offlineBanner", { elders: unheard.length })
        : t("gateway.offlineBannerUnknown");
    const details = gatewaysDown.map(({ name, last_heartbeat_at }) =>
      last_heartbeat_at === null
        ? t("gateway.neverDetail", { name })
        : t("gateway.offlineDetail", { name, since: shortTime(last_heartbeat_at) }),
    );
    troubles.push({ id: "gateway", title, detail: details.join("；") });
  }
  if (noGateway) troubles.push({ id: "no-gateway", title: t("gateway.noneBanner") });
  return troubles;
}

/** What the desk cannot see, across the whole width, in red, with the way to quiet its tone. */
export function BlindBanners({ desk, hush }: { desk: Desk; hush: Hush }): ReactNode {
  const { t } = useTranslation();
  const troubles = useTroubles(desk);
  return (
    <div role="alert" className="banners">
      {troubles.map(({ id, title, detail }, index) => (
        <div key={id} className="banner" data-testid={`banner-${id}`}>
          <strong>{title}</strong>
          {detail !== undefined && <span>{detail}</span>}
          {index === 0 && (
            <span className="hush">
              {hush.untilMs === null ? (
                <Button onClick={hush.start}>{t("sound.hush")}</Button>
              ) : (
                t("sound.hushed", { until: shortTime(hush.untilMs) })
              )}
            </span>
          )}
        </div>
      ))}
    </div>
  );
}

/** Elders of whom nothing is heard although the way to them is whole: named, so that one can go. */
export function UnheardBanner({ desk }: { desk: Desk }): ReactNode {
  const { t } = useTranslation();
  const { sighted, unheard, nobodyHeard } = desk.situation;
  if (!sighted || unheard.length === 0) return null;
  return (
    <div className={nobodyHeard ? "banner" : "banner banner-warn"} role="status" data-testid="banner-unheard">
      <strong>{t("gateway.eldersUnmonitored", { count: unheard.length })}</strong>
      <ul className="unheard">
        {unheard.map(({ name, place }) => (
          <li key={`${name}${place}`}>
            {name} <span>{place}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Sound that does not run is said aloud in colour: the screen never mutes itself quietly. */
export function SoundBanner({ urgent }: { urgent: boolean }): ReactNode {
  const { t } = useTranslation();
  const state = useSoundState();
  if (state === "running") return null;
  return (
    <div className="banner banner-sound" data-urgent={urgent} role="alert" data-testid="banner-sound">
      {state === "unsupported" ? (
        <strong>{t("sound.unsupported")}</strong>
      ) : (
        <>
          <strong>{t(state === "off" ? "sound.off" : "sound.stopped")}</strong>
          <span>{t(state === "off" ? "sound.offText" : "sound.stoppedText")}</span>
          <Button
            type="primary"
            className="action"
            data-testid="sound-enable"
            onClick={() => void alarmSound.enable()}
          >
            {t(state === "off" ? "sound.enable" : "sound.resume")}
          </Button>
        </>
      )}
    </div>
  );
}
