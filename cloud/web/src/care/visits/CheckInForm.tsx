import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { CallForm, ChecksField, localNow, SelectField, TextField, toIso } from "../../shared/forms";
import { useMe } from "../../shared/useMe";
import { type Outcome, VISIT_KEYS, type VisitIn, visits, type Way } from "./calls";
import { useWord } from "./words";

const WAIT_MS = 15_000;
const AT_THE_DOOR: readonly Outcome[] = ["done", "not_home", "refused"];
const BY_PHONE: readonly Outcome[] = ["done", "no_answer", "refused"];
const A_WEEK_MS = 7 * 86_400_000;

type Fix = { place: NonNullable<VisitIn["place"]> } | { failed: "denied" | "unavailable" | "unsupported" } | "waiting";

/** Where this phone is, asked once; what it said instead where it would not tell. */
function usePlace(wanted: boolean): { fix: Fix; again: () => void } {
  const [fix, setFix] = useState<Fix>("waiting");
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!wanted) return;
    let gone = false;
    const say = (next: Fix) => {
      if (!gone) setFix(next);
    };
    if (!("geolocation" in navigator)) {
      queueMicrotask(() => say({ failed: "unsupported" }));
    } else {
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => say({ place: { lat: coords.latitude, lon: coords.longitude, accuracy_m: coords.accuracy } }),
        ({ code }) => say({ failed: code === 1 ? "denied" : "unavailable" }),
        { enableHighAccuracy: true, timeout: WAIT_MS, maximumAge: 60_000 },
      );
    }
    return () => {
      gone = true;
    };
  }, [wanted, turn]);
  return {
    fix,
    again: () => {
      setFix("waiting");
      setTurn(turn + 1);
    },
  };
}

type Props = { elder: { id: string; name: string }; done: () => void };

/** Time, place, what was seen, and what is to be done: one visit. */
export function CheckInForm({ elder, done }: Props): ReactNode {
  const { t } = useTranslation("visits");
  const word = useWord();
  const { me } = useMe();
  const queryClient = useQueryClient();
  const { data: settings } = useQuery({ queryKey: VISIT_KEYS.settings, queryFn: visits.settings });
  // One id for one visit: pressed again after a lost answer it is still one.
  const ids = useRef({ visit: crypto.randomUUID(), followup: crypto.randomUUID() });
  const [way, setWay] = useState<Way>("in_person");
  const [outcome, setOutcome] = useState<Outcome>("done");
  const [started, setStarted] = useState(() => localNow());
  const [findings, setFindings] = useState<string[]>([]);
  const [note, setNote] = useState("");
  const [reason, setReason] = useState("");
  const [todo, setTodo] = useState("");
  const [owner, setOwner] = useState("");
  const [dueOn, setDueOn] = useState(() => localNow(Date.now() + A_WEEK_MS).slice(0, 10));
  const remote = settings?.ways.find(({ key }) => key === way)?.remote ?? false;
  const { fix, again } = usePlace(!remote);
  const place = typeof fix === "object" && "place" in fix && !remote ? fix.place : null;
  const send = async () => {
    const followup = { id: ids.current.followup, what: todo, owner_id: owner || (me?.id ?? ""), due_on: dueOn };
    await visits.add({
      id: ids.current.visit, elder_id: elder.id, way, outcome, started_at: toIso(started), place,
      no_place_reason: place ? "" : reason, findings: outcome === "done" ? findings : [], note,
      followups: todo === "" ? [] : [followup],
    });
    await queryClient.invalidateQueries({ queryKey: VISIT_KEYS.all });
    done();
  };
  const outcomes = remote ? BY_PHONE : AT_THE_DOOR;
  return (
    <CallForm title={t("checkIn.title", { name: elder.name })} submit={t("checkIn.save")} onSubmit={send} testId="visit-form">
      <SelectField
        label={t("checkIn.way")}
        value={way}
        onChange={(value) => {
          setWay(value as Way);
          setOutcome("done");
        }}
        options={settings?.ways.map((one) => ({ value: one.key, label: word(one) })) ?? []}
      />
      <SelectField
        label={t("checkIn.outcome")}
        value={outcome}
        onChange={(value) => setOutcome(value as Outcome)}
        testId="visit-outcome"
        options={outcomes.map((value) => ({ value, label: t(`outcome.${value}`) }))}
      />
      <TextField label={t("checkIn.started")} type="datetime-local" value={started} onChange={setStarted} required />
      {!remote && (
        <div className="field" role="status" data-testid="visit-place">
          <span>{t("checkIn.place")}</span>
          {fix === "waiting" && <small>{t("checkIn.locating")}</small>}
          {place && <small>{t("checkIn.located", { m: Math.round(place.accuracy_m) })}</small>}
          {typeof fix === "object" && "failed" in fix && (
            <>
              <small>{t(`checkIn.failed.${fix.failed}`)}</small>
              <Button size="small" onClick={again}>
                {t("checkIn.again")}
              </Button>
            </>
          )}
        </div>
      )}
      {!remote && !place && (
        <TextField
          label={t("checkIn.noPlace")}
          value={reason}
          onChange={setReason}
          required={fix !== "waiting"}
          testId="visit-no-place"
          hint={t("checkIn.noPlaceHint")}
        />
      )}
      {outcome === "done" && (
        <ChecksField
          label={t("checkIn.findings")}
          value={findings}
          onChange={setFindings}
          options={settings?.findings.map((one) => ({ value: one.key, label: word(one) })) ?? []}
        />
      )}
      <TextField label={t("checkIn.note")} value={note} onChange={setNote} multiline testId="visit-note" />
      <TextField label={t("checkIn.todo")} value={todo} onChange={setTodo} testId="visit-todo" hint={t("checkIn.todoHint")} />
      {todo !== "" && (
        <>
          <SelectField
            label={t("checkIn.owner")}
            value={owner || (me?.id ?? "")}
            onChange={setOwner}
            required
            options={settings?.staff.map(({ id, name }) => ({ value: id, label: name })) ?? []}
          />
          <TextField label={t("checkIn.dueOn")} type="date" value={dueOn} onChange={setDueOn} required />
        </>
      )}
    </CallForm>
  );
}
