import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useSearchParams } from "react-router";

import { CallFailure } from "../../api/failure";
import { dayAndClock } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";
import { HANDOVER_KEYS, handovers, type Sheet } from "./calls";
import { Changes, Lines } from "./Lines";
import { GiveForm, TakeForm } from "./SignForms";

// What stands there is newer than what was read: it has to be read again.
const ANEW = new Set(["facts_changed", "given_anew", "changed_meanwhile", "already_taken", "objected", "not_given"]);

/** The sheet of one shift. It does not change under the eyes of who reads it: only a refusal to sign renews it. */
export function SheetPage(): ReactNode {
  const { t } = useTranslation("handover");
  const { t: common } = useTranslation();
  const [search] = useSearchParams();
  const unitId = search.get("unit") ?? "";
  const shiftStartsAt = search.get("shift") ?? "";
  const { me } = useMe();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [renewed, setRenewed] = useState(false);
  const key = HANDOVER_KEYS.sheet(unitId, shiftStartsAt);
  const { data, failureReason } = useQuery({
    queryKey: key,
    queryFn: () => handovers.sheet(unitId, shiftStartsAt),
    gcTime: 0,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  /** Signs; where something has changed meanwhile the newest is shown, and the reason stays. */
  const sign = async (call: () => Promise<{ id: string; state: string }>) => {
    setRenewed(false);
    try {
      const signed = await call();
      await queryClient.invalidateQueries({ queryKey: HANDOVER_KEYS.of(unitId) });
      if (signed.state === "taken") void navigate(`/care/handover/${signed.id}`);
    } catch (problem) {
      if (problem instanceof CallFailure && ANEW.has(problem.code)) {
        await queryClient.invalidateQueries({ queryKey: key });
        setRenewed(true);
      }
      throw problem;
    }
  };
  const writes = me?.permissions.includes("care_write") ?? false;
  const state = data.handover?.state ?? "open";
  const who = (people: Sheet["giving"]) => people.map(({ name }) => name).join("、") || t("nobody");
  return (
    <>
      <p className="no-print handover-tools">
        <Link to={`/care/handover?unit=${unitId}`}>{t("back")}</Link>
        <Button onClick={() => globalThis.print()}>{t("print")}</Button>
      </p>
      <h2>{t("head", { unit: data.unit, name: data.shift })}</h2>
      <p>
        {dayAndClock(data.starts_at)} – {dayAndClock(data.ends_at)} · {t(`state.${state}`)}
        <br />
        {t("rostered", { who: who(data.giving) })} · {t("coming", { who: who(data.taking) })}
      </p>
      {renewed && (
        <p className="warn" role="status" data-testid="handover-renewed">
          {t("refreshed")}
        </p>
      )}
      {data.given?.objection && (
        <p className="warn" data-testid="handover-objection">
          {t("objection", { by: data.given.objected_by ?? "", words: data.given.objection })}
        </p>
      )}
      {state === "given" && data.given !== null ? (
        <>
          <p>
            {t("giver")} {data.given.by} {dayAndClock(data.given.at)}
            {data.given.words && ` · ${t("remark", { words: data.given.words })}`}
          </p>
          <Changes changes={data.given.changes} />
          <Lines lines={data.given.lines} />
          {writes && <TakeForm key={data.given.read_sha256} sheet={data} given={data.given} sign={sign} />}
        </>
      ) : (
        <Lines lines={data.lines} />
      )}
      {writes && state !== "taken" && <GiveForm key={`give ${data.revision}`} sheet={data} unitId={unitId} shift={shiftStartsAt} sign={sign} />}
    </>
  );
}
