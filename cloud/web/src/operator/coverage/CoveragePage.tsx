import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "../../api/client";
import { KEYS } from "../../api/queries";
import type { ElderCoverage } from "../../api/types";
import { Fetching } from "../../shared/Fetching";
import { FloorPlan } from "../../shared/floor/FloorPlan";
import { shortTime } from "../../shared/time";
import { useCoverageNames } from "../../shared/useCoverageNames";
import { mapOf } from "./map";

const REFRESH_MS = 15_000;

/** The house as the hub sees it: where it is blind, by which device, since when. */
export default function CoveragePage(): ReactNode {
  const { t } = useTranslation("coverageMap");
  const { t: common } = useTranslation();
  const [chosen, setChosen] = useState<string | null>(null);
  const { data, failureReason } = useQuery({
    queryKey: KEYS.coverage,
    queryFn: api.coverage,
    refetchInterval: REFRESH_MS,
  });
  const units = useMemo(() => {
    const state = (elder: ElderCoverage): string =>
      elder.cause !== null
        ? common(`coverage.cause.${elder.cause}`)
        : elder.lacking.map(({ capability }) => common(`coverage.capability.${capability}`)).join("、");
    return mapOf(data?.elders ?? [], { state, homes: t("homes"), nowhere: t("nowhere") });
  }, [data, common, t]);
  const one = data?.elders.find(({ elder_id }) => elder_id === chosen);
  return (
    <>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data !== undefined && (
        <>
          <h2>{t("title")}</h2>
          <p>{data.elders.length === 0 ? t("none") : t("hint")}</p>
          {one !== undefined && <Lack elder={one} onClose={() => setChosen(null)} />}
          <FloorPlan title={t("title")} units={units} onOpen={setChosen} />
        </>
      )}
    </>
  );
}

function Lack({ elder, onClose }: { elder: ElderCoverage; onClose: () => void }): ReactNode {
  const { t } = useTranslation("coverageMap");
  const { t: common } = useTranslation();
  const names = useCoverageNames();
  const since = (at: string | null): string =>
    at === null ? "" : ` ${common("coverage.since", { time: shortTime(at) })}`;
  const fine = elder.cause === null && elder.lacking.length === 0 && elder.silent.length === 0;
  return (
    <section className="card" data-testid="coverage-detail" aria-live="polite">
      <h3>{[elder.place, elder.elder_name].filter(Boolean).join(" · ")}</h3>
      {fine && <p>{t("fine")}</p>}
      <ul>
        {elder.cause !== null && (
          <li>
            {common(`coverage.cause.${elder.cause}`)}
            {elder.gateway !== null && ` · ${elder.gateway}`}
            {since(elder.since)}
          </li>
        )}
        {elder.lacking.map(({ capability, level, since: from }) => (
          <li key={capability}>
            {common(level === "lost" ? "coverage.lost" : "coverage.partial", {
              what: common(`coverage.capability.${capability}`),
            })}
            {since(from)}
          </li>
        ))}
        {elder.silent.map(({ device_id, role, room, since: from, cause }) => (
          <li key={device_id}>
            <code>{device_id}</code> {room}{" "}
            {names.role(role)}：{names.cause(cause)}
            {since(from)}
          </li>
        ))}
      </ul>
      <Button onClick={onClose}>{t("close")}</Button>
    </section>
  );
}
