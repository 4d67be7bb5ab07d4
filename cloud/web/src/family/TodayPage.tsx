import "./family.css";

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { FamilyElder } from "../api/types";
import { explain } from "../shared/explain";
import { shortTime } from "../shared/time";
import { Waiting } from "../shared/Waiting";
import { FamilyEntitlements } from "./FamilyEntitlements";
import { Looks } from "./Looks";

const EVERY_MS = 30_000;
const SIGN = { calm: "✓", attention: "!", partly_seen: "◐", not_seen: "⊘", not_shared: "–" } as const;

/** Whether the hub can see them. Told whatever else is shared: silence would read as well. */
function Coverage({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  const { coverage } = elder;
  if (coverage === null) return null;
  return (
    <>
      <dt>{t("coverage")}</dt>
      <dd data-testid="family-coverage" data-state={coverage.state}>
        {coverage.state === "protected" ? (
          t("seen")
        ) : (
          <ul>
            {coverage.cause !== null && (
              <li>
                {t(`cause.${coverage.cause as "gateway_offline"}`)}
                {coverage.since !== null && ` · ${t("since", { time: shortTime(coverage.since) })}`}
              </li>
            )}
            {coverage.missing.map(({ what, level, since }) => (
              <li key={what}>
                {t(level === "lost" ? "lost" : "partial", { what: t(`what.${what as "bed"}`) })}
                {` · ${t("since", { time: shortTime(since) })}`}
              </li>
            ))}
            {coverage.cause === null && coverage.missing.length === 0 && (
              <li>
                {t("more")}
                {coverage.since !== null && ` · ${t("since", { time: shortTime(coverage.since) })}`}
              </li>
            )}
          </ul>
        )}
      </dd>
    </>
  );
}

function Night({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  const { night } = elder;
  if (!elder.shares.includes("night")) return null;
  if (night === null) {
    return (
      <>
        <dt>{t("lastNight")}</dt>
        <dd>{t("nightNone")}</dd>
      </>
    );
  }
  return (
    <>
      <dt>{t("night", { day: night.morning.slice(5) })}</dt>
      <dd data-testid="family-night">
        {t("nightText", { hours: (night.in_bed_min / 60).toFixed(1), times: night.up_times })}
        {night.unseen_min > 0 && ` · ${t("nightUnseen", { minutes: night.unseen_min })}`}
      </dd>
    </>
  );
}

function Elder({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  return (
    <article className="family-card" data-testid="family-card" data-mood={elder.mood}>
      <h2>{elder.name}</h2>
      <p className="family-relation">{t("relationship", { relationship: elder.relationship })}</p>
      <p className="family-mood" data-testid="family-mood">
        <span aria-hidden="true">{SIGN[elder.mood]}</span> {t(`mood.${elder.mood}`)}
      </p>
      <p>{t(`moodText.${elder.mood}`)}</p>
      <dl>
        {elder.shares.includes("presence") && (
          <>
            <dt>{t("lastSign")}</dt>
            <dd data-testid="family-last-sign">
              {elder.last_sign_at === null
                ? t("lastSignNone")
                : t("lastSignAt", { time: shortTime(elder.last_sign_at) })}
            </dd>
          </>
        )}
        <Night elder={elder} />
        <Coverage elder={elder} />
      </dl>
      <FamilyEntitlements elderId={elder.elder_id} />
      <Looks elderId={elder.elder_id} />
    </article>
  );
}

/** The elders of one relative. What could not be fetched is never shown as it was before. */
export default function TodayPage(): ReactNode {
  const { t } = useTranslation("family");
  const { t: common } = useTranslation();
  const { data, error, failureReason } = useQuery({
    queryKey: ["family"],
    queryFn: () => answer(client.GET("/api/v1/family")),
    refetchInterval: EVERY_MS,
  });
  const why = error ?? failureReason;
  if (why) {
    return (
      <p role="alert" className="family-failed" data-testid="family-failed">
        {t("failed", { why: explain(common, why) })}
      </p>
    );
  }
  if (data === undefined) return <Waiting />;
  if (data.elders.length === 0) return <p>{t("nobody")}</p>;
  return (
    <div className="family">
      {data.elders.map((elder) => (
        <Elder key={elder.elder_id} elder={elder} />
      ))}
      <p className="family-time">{t("asOf", { time: shortTime(data.server_time) })}</p>
    </div>
  );
}
