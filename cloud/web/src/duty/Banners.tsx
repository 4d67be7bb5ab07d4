import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { explain } from "../shared/explain";
import { clockTime, shortTime } from "../shared/time";
import { alarmSound, useSoundState } from "../shared/useSound";
import type { Desk } from "./useDesk";

/** Everything the desk cannot see, across the whole width, in red. */
export function BlindBanners({ desk }: { desk: Desk }): ReactNode {
  const { t } = useTranslation();
  const { live, listError, situation, status, statusError } = desk;
  const { gatewaysDown, noGateway, unheard } = situation;
  return (
    <div role="alert" className="banners">
      {live.kind === "lost" && (
        <div className="banner" data-testid="banner-lost">
          <strong>{t("connection.lostBanner")}</strong>
          <span>{t("connection.lostDetail", { since: clockTime(live.sinceMs) })}</span>
        </div>
      )}
      {listError !== null && (
        <div className="banner" data-testid="banner-list">
          <strong>{t("connection.listFailed", { why: explain(t, listError) })}</strong>
        </div>
      )}
      {status === null && statusError !== null && (
        <div className="banner" data-testid="banner-status">
          <strong>{t("connection.statusFailed", { why: explain(t, statusError) })}</strong>
        </div>
      )}
      {gatewaysDown.length > 0 && (
        <div className="banner" data-testid="banner-gateway">
          <strong>
            {unheard.length > 0
              ? t("gateway.offlineBanner", { elders: unheard.length })
              : t("gateway.offlineBannerUnknown")}
          </strong>
          <span>
            {gatewaysDown
              .map((gateway) =>
                gateway.last_heartbeat_at === null
                  ? t("gateway.neverDetail", { name: gateway.name })
                  : t("gateway.offlineDetail", {
                      name: gateway.name,
                      since: shortTime(gateway.last_heartbeat_at),
                    }),
              )
              .join("；")}
          </span>
        </div>
      )}
      {noGateway && (
        <div className="banner" data-testid="banner-no-gateway">
          <strong>{t("gateway.noneBanner")}</strong>
        </div>
      )}
    </div>
  );
}

/** Elders of whom nothing is heard although the way to them is whole: named, so that one can go. */
export function UnheardBanner({ desk }: { desk: Desk }): ReactNode {
  const { t } = useTranslation();
  const { sighted, unheard } = desk.situation;
  if (!sighted || unheard.length === 0) return null;
  return (
    <div className="banner banner-warn" role="status" data-testid="banner-unheard">
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
