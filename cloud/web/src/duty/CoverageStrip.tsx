import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api } from "../api/client";
import { KEYS } from "../api/queries";
import type { ElderCoverage } from "../api/types";
import { explain } from "../shared/explain";
import { shortTime } from "../shared/time";
import { useCoverageNames } from "../shared/useCoverageNames";

/** A gateway that falls silent is noticed by the server; this is for a change nobody told us of. */
const EVERY_MS = 15_000;

/** One person who cannot be seen, or not wholly: what is missing, since when, by which device. */
function Person({ elder }: { elder: ElderCoverage }): ReactNode {
  const { t } = useTranslation();
  const names = useCoverageNames();
  const blind = elder.state === "blind";
  return (
    <li
      className="coverage-person"
      data-testid="coverage-person"
      data-state={elder.state}
      data-cause={elder.cause ?? ""}
    >
      <strong>
        <span aria-hidden="true">{blind ? "⊘" : "◐"}</span>{" "}
        {t(blind ? "coverage.blind" : "coverage.degraded")}
      </strong>
      <span className="coverage-name">
        {elder.elder_name}
        {elder.place !== null && <span className="coverage-place"> {elder.place}</span>}
      </span>
      {elder.since !== null && <span>{t("coverage.since", { time: shortTime(elder.since) })}</span>}
      {elder.cause !== null && <span>{t(`coverage.cause.${elder.cause}`)}</span>}
      {elder.lacking.map(({ capability, level, since }) => (
        <span key={capability}>
          {t(level === "lost" ? "coverage.lost" : "coverage.partial", {
            what: t(`coverage.capability.${capability}`),
          })}{" "}
          ({t("coverage.since", { time: shortTime(since) })})
        </span>
      ))}
      {elder.silent.map(({ device_id, role, room, since, cause }) => (
        <span key={`${device_id}/${since}`} className="coverage-device">
          {room} {names.role(role)}: {names.cause(cause)}{" "}
          {t("coverage.since", { time: shortTime(since) })}
        </span>
      ))}
    </li>
  );
}

/** Who is not seen, or only partly; calm only when that is known of everybody. */
export function CoverageStrip(): ReactNode {
  const { t } = useTranslation();
  const { data, error, failureReason } = useQuery({
    queryKey: KEYS.coverage,
    queryFn: api.coverage,
    refetchInterval: EVERY_MS,
    refetchIntervalInBackground: true,
  });
  const why = error ?? failureReason;
  const equipped = (data?.elders ?? []).filter(({ cause }) => cause !== "no_devices");
  const troubled = equipped.filter(({ state }) => state !== "protected");
  const blind = troubled.filter(({ state }) => state === "blind").length;
  const without = (data?.elders.length ?? 0) - equipped.length;
  const state = data === undefined ? "unknown" : blind ? "blind" : troubled.length ? "degraded" : "seen";
  return (
    <section
      className="coverage"
      aria-label={t("coverage.title")}
      data-testid="coverage-strip"
      data-state={why ? "unknown" : state}
    >
      <p className="coverage-head" role="status">
        <span>{t("coverage.title")}</span>{" "}
        <strong data-testid="coverage-counts">
          {why
            ? t("coverage.failed", { why: explain(t, why) })
            : data === undefined
              ? t("coverage.unknown")
              : troubled.length === 0
                ? t("coverage.allSeen", { count: equipped.length })
                : t("coverage.counts", {
                    blind,
                    degraded: troubled.length - blind,
                    seen: equipped.length - troubled.length,
                  })}
        </strong>
        {without > 0 && <span> · {t("coverage.noDevices", { count: without })}</span>}
      </p>
      {troubled.length > 0 && (
        // It scrolls: by the keyboard too.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <ul className="coverage-list" tabIndex={0}>
          {troubled.map((elder) => (
            <Person key={elder.elder_id} elder={elder} />
          ))}
        </ul>
      )}
    </section>
  );
}
