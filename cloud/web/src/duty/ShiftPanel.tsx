import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { answer, client } from "../api/client";
import type { Me } from "../api/types";
import { ROUND_KEYS, type RoundRow, rounds } from "../care/rounds/calls";
import { explain } from "../shared/explain";
import { TextField } from "../shared/forms";
import { shortTime } from "../shared/time";
import { elderLabel, useElders } from "../shared/useElders";

const EVERY_MS = 30_000;
const FOUND_SHOWN = 8;

/** Who is on duty, which rounds are due, and where somebody is found. */
export function ShiftPanel({ me }: { me: Me | undefined }): ReactNode {
  const { t } = useTranslation();
  if (me === undefined) return null;
  const may = (permission: Me["permissions"][number]) => me.permissions.includes(permission);
  return (
    <section aria-labelledby="shift-panel-title" data-testid="shift-panel">
      <h2 id="shift-panel-title">{t("shiftPanel.title")}</h2>
      <div className="shift-panel">
        <OnDuty />
        {may("care_read") && <RoundsDue />}
        {may("records_read") && <Search />}
      </div>
    </section>
  );
}

/** Not fetched is said; it is never an empty list. */
function Failed({ what, why }: { what: string; why: Error }): ReactNode {
  const { t } = useTranslation();
  return (
    <p role="alert" className="card-failure">
      {t("shiftPanel.failed", { what, why: explain(t, why) })}
    </p>
  );
}

function OnDuty(): ReactNode {
  const { t } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: ["roster"],
    queryFn: () => answer(client.GET("/api/v1/duty/roster")),
    refetchInterval: EVERY_MS,
  });
  if (failureReason !== null) return <Failed what={t("shiftPanel.title")} why={failureReason} />;
  if (data === undefined) return <p role="status">{t("common.loading")}</p>;
  return (
    <div data-testid="on-duty">
      <h3>{t("shiftPanel.onDuty", { shift: data.shift })}</h3>
      {data.duties.length === 0 && <p className="shift-late">{t("shiftPanel.nobody")}</p>}
      <ul>
        {data.duties.map((duty) => (
          <li key={duty.id}>
            <strong>{duty.name}</strong> {t(`shiftPanel.duty_as.${duty.duty_as}`)} · {duty.unit ?? t("shiftPanel.house")} ·{" "}
            {t("shiftPanel.until", { time: shortTime(duty.ends_at) })}
            {!duty.at_desk && !duty.has_way && ` · ${t("shiftPanel.noWay")}`}
          </li>
        ))}
      </ul>
    </div>
  );
}

const stands = (row: RoundRow, standing: "due" | "missed"): boolean =>
  !row.away && (row.round?.standing === standing || row.turning?.standing === standing);

function RoundsDue(): ReactNode {
  const { t } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: ROUND_KEYS.list,
    queryFn: rounds.list,
    refetchInterval: EVERY_MS,
  });
  if (failureReason !== null) return <Failed what={t("shiftPanel.rounds")} why={failureReason} />;
  if (data === undefined) return <p role="status">{t("common.loading")}</p>;
  const missed = data.rows.filter((row) => stands(row, "missed"));
  const due = data.rows.filter((row) => stands(row, "due") && !stands(row, "missed"));
  return (
    <div data-testid="rounds-due" data-due={due.length} data-missed={missed.length}>
      <h3>{t("shiftPanel.rounds")}</h3>
      {!data.active && <p>{t("shiftPanel.roundsOff")}</p>}
      {missed.length > 0 && <p className="shift-late">{t("shiftPanel.roundsMissed", { count: missed.length })}</p>}
      {due.length > 0 && <p>{t("shiftPanel.roundsDue", { count: due.length })}</p>}
      {data.active && missed.length + due.length === 0 && <p>{t("shiftPanel.roundsDone")}</p>}
      <Link to="/care/rounds">{t("shiftPanel.toRounds")}</Link>
    </div>
  );
}

/** By name, pinyin or bed; Enter opens the first. */
function Search(): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [q, setQ] = useState("");
  const asked = useDeferredValue(q.trim());
  const { data, failureReason } = useElders(asked, FOUND_SHOWN, asked !== "");
  const found = asked === "" ? [] : (data?.elders ?? []);
  const first = found[0];
  return (
    <form
      role="search"
      data-testid="duty-search"
      onSubmit={(event) => {
        event.preventDefault();
        if (first !== undefined) void navigate(`/care/elders/${first.id}`);
      }}
    >
      <TextField label={t("shiftPanel.search")} value={q} onChange={setQ} type="search" testId="duty-search-field" />
      {failureReason !== null && <Failed what={t("shiftPanel.search")} why={failureReason} />}
      <p role="status" className="sr-only">
        {asked !== "" && data !== undefined && t("shiftPanel.found", { count: found.length })}
      </p>
      {asked !== "" && data !== undefined && found.length === 0 && <p>{t("shiftPanel.none")}</p>}
      <ul>
        {found.map((elder) => (
          <li key={elder.id}>
            <Link to={`/care/elders/${elder.id}`}>{elderLabel(elder)}</Link>
          </li>
        ))}
      </ul>
    </form>
  );
}
