import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { CallFailure } from "../../api/failure";
import { CallForm, SelectField, TextField } from "../../shared/forms";
import type { RunIn, Scenario } from "./calls";

type BuildingIn = NonNullable<RunIn["building"]>;

const BUILDINGS: Record<string, BuildingIn | null> = {
  own: null,
  small: { kind: "institution", units: 1, rooms_per_unit: 10, beds_per_room: 1, homes: 0 },
  sixty: { kind: "institution", units: 3, rooms_per_unit: 20, beds_per_room: 1, homes: 0 },
  large: { kind: "institution", units: 5, rooms_per_unit: 40, beds_per_room: 1, homes: 0 },
  homes: { kind: "homes", units: 1, rooms_per_unit: 1, beds_per_room: 1, homes: 30 },
};
const SPEEDS = [0, 3600, 600, 60, 1] as const;
const FIRST_SPEED = 600;
const FIRST_NIGHTS = 40;
const MOST_CARERS = 200;
const MOST_COMPARED = 8;

/** `1, 2,3` as numbers; null where it is not a list of them. */
export function parseCarers(text: string): number[] | null {
  const parts = text.split(/[,，、\s]+/).filter((part) => part !== "");
  const numbers = parts.map(Number);
  const fine = numbers.every((each) => Number.isInteger(each) && each >= 0 && each <= MOST_CARERS);
  return fine && numbers.length > 0 && numbers.length <= MOST_COMPARED ? numbers : null;
}

type Props = { scenarios: readonly Scenario[]; onStart: (wanted: RunIn) => Promise<void> };

/** What to run, where, how fast; or how many carers to compare. */
export function RunForm({ scenarios, onStart }: Props): ReactNode {
  const { t, i18n } = useTranslation("simulator");
  const [key, setKey] = useState(scenarios.find((one) => one.key === "busy-night")?.key ?? scenarios[0]?.key ?? "");
  const [building, setBuilding] = useState("own");
  const [seed, setSeed] = useState("1");
  const [speed, setSpeed] = useState(String(FIRST_SPEED));
  const [carers, setCarers] = useState("");
  const [compared, setCompared] = useState("1,2,3");
  const [nights, setNights] = useState(String(FIRST_NIGHTS));
  const scenario = scenarios.find((one) => one.key === key);
  const english = i18n.language === "en";

  const buildingText = (name: string): string => {
    const spec = BUILDINGS[name];
    if (spec === null || spec === undefined) return t("own", { people: scenario?.people ?? 0 });
    if (spec.kind === "homes") return t("homes", { count: spec.homes });
    return t("rooms", { units: spec.units, rooms: spec.rooms_per_unit, people: spec.units * spec.rooms_per_unit });
  };
  const speedText = (times: number): string =>
    times === 0 ? t("speedMax") : times === 1 ? t("speedReal") : t("speedTimes", { times });
  const order = (): RunIn => ({
    scenario: key,
    seed: Number(seed),
    speed: Number(speed),
    building: BUILDINGS[building] ?? null,
    carers: carers === "" ? null : Number(carers),
    what_if: null,
  });
  const whatIf = async () => {
    const numbers = parseCarers(compared);
    if (numbers === null) throw new CallFailure("refused", 422, "bad_request", t("carersBad"));
    await onStart({ ...order(), speed: 0, what_if: { carers: numbers, seeds: Number(nights) } });
  };

  const where = (
    <>
      <SelectField
        label={t("scenario")}
        value={key}
        onChange={setKey}
        options={scenarios.map((one) => ({ value: one.key, label: english ? one.title_en : one.title_zh }))}
      />
      <SelectField
        label={t("building")}
        value={building}
        onChange={setBuilding}
        options={Object.keys(BUILDINGS).map((name) => ({ value: name, label: buildingText(name) }))}
      />
      <TextField label={t("seed")} value={seed} onChange={setSeed} type="number" required hint={t("seedHint")} />
    </>
  );
  return (
    <div className="sim-forms">
      <CallForm title={t("new")} submit={t("run")} done={t("begun")} testId="sim-run" onSubmit={() => onStart(order())}>
        {where}
        <SelectField
          label={t("speed")}
          value={speed}
          onChange={setSpeed}
          testId="sim-speed"
          options={SPEEDS.map((times) => ({ value: String(times), label: speedText(times) }))}
        />
        <TextField
          label={t("carers")}
          value={carers}
          onChange={setCarers}
          type="number"
          testId="sim-carers"
          hint={t("carersHint")}
        />
        {scenario !== undefined && <p className="sim-story">{english ? scenario.story_en : scenario.story_zh}</p>}
      </CallForm>
      <details className="sim-what-if">
        <summary data-testid="sim-what-if-open">{t("whatIf")}</summary>
        <CallForm title={t("whatIf")} submit={t("run")} done={t("begun")} testId="sim-what-if" onSubmit={whatIf}>
          <p className="sim-story">{t("whatIfHint")}</p>
          {where}
          <TextField
            label={t("carersList")}
            value={compared}
            onChange={setCompared}
            required
            testId="sim-compared"
            hint={t("carersListHint")}
          />
          <TextField label={t("nights")} value={nights} onChange={setNights} type="number" required testId="sim-nights" />
        </CallForm>
      </details>
    </div>
  );
}
