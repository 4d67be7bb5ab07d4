import { type ReactNode, useMemo } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { FloorPlan } from "../../shared/floor/FloorPlan";
import type { FloorRoom, FloorUnit } from "../../shared/floor/layout";
import { ActionButton } from "../../shared/forms";
import { shortTime } from "../../shared/time";
import { simulations } from "./calls";
import type { Carer, Cast, Picture, SimAlert } from "./frames";
import { OutcomesView } from "./OutcomesView";
import { ScorecardView } from "./ScorecardView";
import { useRun } from "./useRun";
import { useWords } from "./words";

const SHOWN_ALERTS = 40;

/** The cast in units and rooms, with the states of the moment. */
function unitsOf(cast: Cast, picture: Picture, codeOf: (code: string) => string): FloorUnit[] {
  const open = new Map<number, SimAlert>();
  for (const alert of picture.alerts) if (alert.state !== "done") open.set(alert.bed, alert);
  const units = new Map<string, Map<string, FloorRoom & { beds: FloorRoom["beds"][number][] }>>();
  cast.beds.forEach((bed, number) => {
    const rooms = units.get(bed.unit) ?? new Map<string, FloorRoom & { beds: FloorRoom["beds"][number][] }>();
    units.set(bed.unit, rooms);
    const name = bed.label.split("-")[0] ?? bed.label;
    const room = rooms.get(name) ?? { id: `${bed.unit} ${name}`, name, beds: [] };
    rooms.set(name, room);
    const alert = open.get(number);
    room.beds.push({
      id: String(number),
      label: bed.label,
      state: picture.beds[number] ?? "unknown",
      detail: alert === undefined ? undefined : codeOf(alert.code),
    });
  });
  return [...units].map(([name, rooms]) => ({ id: name, name, rooms: [...rooms.values()] }));
}

function Staff({ staff, cast }: { staff: readonly Carer[]; cast: Cast }): ReactNode {
  const { t } = useTranslation("simulator");
  const bedOf = (bed: number | null): string => (bed === null ? "" : (cast.beds[bed]?.label ?? ""));
  return (
    <section aria-labelledby="sim-staff">
      <h3 id="sim-staff">{t("staff")}</h3>
      {cast.carers === 0 && <p className="warn">{t("noStaff")}</p>}
      <ul className="sim-staff">
        {staff.map((one) => (
          <li key={one.carer} data-doing={one.doing}>
            <strong>{t("carer", { number: one.carer })}</strong> {t(`doing.${one.doing}`, { bed: bedOf(one.bed) })}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Alerts({ alerts, cast }: { alerts: readonly SimAlert[]; cast: Cast }): ReactNode {
  const { t } = useTranslation("simulator");
  const { code } = useWords();
  const startMs = Date.parse(cast.starts_at);
  return (
    <DataTable
      title={t("alerts")}
      rows={alerts.slice(0, SHOWN_ALERTS)}
      rowKey={(alert) => String(alert.id)}
      empty={t("noAlerts")}
      columns={[
        { title: t("at"), cell: (alert) => shortTime(startMs + alert.at_s * 1000, startMs) },
        { title: t("bed"), cell: (alert) => cast.beds[alert.bed]?.label },
        { title: t("kind"), cell: (alert) => code(alert.code) },
        { title: t("urgency"), cell: (alert) => t(`urgencies.${alert.urgency}`) },
        { title: t("state"), cell: (alert) => t(`alertState.${alert.state}`) },
        { title: t("who"), cell: (alert) => (alert.carer === null ? "–" : t("carer", { number: alert.carer })) },
        {
          title: t("bedside"),
          cell: (alert) => (alert.bedside_s === null ? "–" : t("seconds", { s: alert.bedside_s.toFixed(0) })),
        },
        {
          title: t("truth"),
          cell: (alert) => (alert.real === null ? t("noTruth") : alert.real ? t("real") : t("false")),
        },
      ]}
    />
  );
}

function Floor({ cast, picture }: { cast: Cast; picture: Picture }): ReactNode {
  const { t } = useTranslation("simulator");
  const { code } = useWords();
  const units = useMemo(() => unitsOf(cast, picture, code), [cast, picture, code]);
  const waiting = picture.alerts.filter((alert) => alert.state === "open" || alert.state === "going").length;
  const now = Date.parse(cast.starts_at) + picture.atS * 1000;
  return (
    <>
      <p className="sim-figures" data-testid="sim-figures">
        <strong>{t("clock", { time: shortTime(now, 0) })}</strong>
        <span>{t("devices", { count: cast.devices, silent: picture.silent })}</span>
        <span>{t("readings", { count: picture.readings.toLocaleString(), total: cast.readings.toLocaleString() })}</span>
        <span>{t("waitingAlerts", { count: waiting })}</span>
      </p>
      <progress max={cast.duration_s} value={picture.atS} aria-label={t("clock", { time: shortTime(now, 0) })} />
      <p data-testid="sim-truth">{t("floorTruth")}</p>
      <FloorPlan title={t("floor")} units={units} />
      <Staff staff={picture.staff} cast={cast} />
      <Alerts alerts={picture.alerts} cast={cast} />
    </>
  );
}

/** One run, from waiting to its scorecard. */
export function RunView({ id, titleOf }: { id: string; titleOf: (scenario: string) => string }): ReactNode {
  const { t, i18n } = useTranslation("simulator");
  const { run, picture, lost, over } = useRun(id);
  const { cast, progress, result } = picture;
  const active = run !== null && (run.state === "queued" || run.state === "running");
  const title = cast === null ? (run === null ? "…" : titleOf(run.wanted.scenario)) : i18n.language === "en" ? cast.title_en : cast.title_zh;
  return (
    <section className="sim-run" aria-labelledby="sim-title" data-testid="sim-run-view" data-state={run?.state ?? ""}>
      <h2 id="sim-title">
        <span className="sim-badge">{t("mark")}</span> {t("title", { title, seed: run?.wanted.seed ?? "…" })}
      </h2>
      <div className="sim-state">
        <span role="status" data-testid="sim-state">
          {run === null ? t("waiting") : t(`states.${run.state}`)}
          {active && progress !== null &&
            ` · ${t("progress", { stage: t(`stage.${progress.stage}`), done: progress.done, of: progress.of })}`}
        </span>
        {active && (
          <ActionButton label={t("stop")} testId="sim-stop" onPress={() => simulations.stop(id)} />
        )}
        {over && run?.state === "done" && (
          <span className="sim-export">
            {t("export")} <a href={`/api/v1/simulations/${id}/export?format=csv`}>CSV</a>{" "}
            <a href={`/api/v1/simulations/${id}/export?format=json`}>JSON</a>
          </span>
        )}
      </div>
      {active && progress !== null && (
        <progress max={progress.of} value={progress.done} aria-label={t(`stage.${progress.stage}`)} />
      )}
      {lost && !over && (
        <p role="alert" className="banner">
          {t("lost")}
        </p>
      )}
      {run?.note && <p className="warn">{run.note}</p>}
      {result?.kind === "outcomes" && <OutcomesView found={result} />}
      {result?.kind === "scorecard" && cast !== null && <ScorecardView card={result} targetS={cast.target_s} />}
      {cast !== null && <Floor cast={cast} picture={picture} />}
    </section>
  );
}
