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
import { Answers } from "./Answers";
import { Looks } from "./Looks";
import { Rights } from "./Rights";
import { useTold } from "./told";
import { Visits } from "./Visits";

const EVERY_MS = 30_000;
const SIGN = { calm: "✓", attention: "!", partly_seen: "◐", not_seen: "⊘", not_shared: "–", away: "→" } as const;

/** Whether the hub can see them. Told whatever else is shared: silence would read as well. */
function Coverage({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  const told = useTold();
  const { coverage } = elder;
  if (coverage === null) return null;
  const hidden = coverage.state !== "protected" && coverage.cause === null && coverage.missing.length === 0;
  return (
    <>
      <dt>{t("coverage")}</dt>
      <dd data-testid="family-coverage" data-state={coverage.state}>
        {told(coverage)}
        {hidden && ` ${t("more")}`}
      </dd>
    </>
  );
}

function Night({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  const told = useTold();
  const { night } = elder;
  if (night === null) return null;
  return (
    <>
      <dt>{t(night.so_far ? "nightSoFar" : "night", { day: night.morning.slice(5) })}</dt>
      <dd data-testid="family-night" data-unseen={night.unseen_min > 0 || !night.watched}>
        {told(night)}
      </dd>
    </>
  );
}

function Pause({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  const { pause } = elder;
  if (pause === null) return null;
  return (
    <>
      <dt>{t("pause")}</dt>
      <dd data-testid="family-pause">
        {t(`pauseReason.${pause.reason ?? "hidden"}`)} · {t("until", { time: shortTime(pause.until_at) })}
      </dd>
    </>
  );
}

function Notices({ elder }: { elder: FamilyElder }): ReactNode {
  const { t } = useTranslation("family");
  if (!elder.shares.includes("alerts")) return null;
  return (
    <details data-testid="family-notices">
      <summary>{t("notices", { count: elder.notices.length })}</summary>
      {elder.notices.length === 0 && <p>{t("noNotices")}</p>}
      <ul className="family-list">
        {elder.notices.map((notice) => (
          <li key={`${notice.at} ${notice.text}`}>
            {shortTime(notice.at)} · {notice.text}
            {!notice.delivered && ` · ${t("notDelivered")}`}
          </li>
        ))}
      </ul>
    </details>
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
        <Pause elder={elder} />
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
        <Answers elder={elder} />
      </dl>
      <FamilyEntitlements elderId={elder.elder_id} />
      <Notices elder={elder} />
      {elder.shares.includes("visits") && <Visits elderId={elder.elder_id} />}
      <Rights elder={elder} />
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
  if (data.elders.length === 0) return <p className="family-empty">{t("nobody")}</p>;
  return (
    <div className="family">
      {data.elders.map((elder) => (
        <Elder key={elder.elder_id} elder={elder} />
      ))}
      <p className="family-time">{t("asOf", { time: shortTime(data.server_time) })}</p>
    </div>
  );
}
