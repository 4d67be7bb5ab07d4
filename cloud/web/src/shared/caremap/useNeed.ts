import { useState } from "react";

import type { Place } from "../map/map";
import type { House, NeedKind } from "./calls";

/** What is looked for, as the fields hold it. `from`: nothing, a house's id, `given` or `elder`. */
export type NeedFields = {
  kind: NeedKind | "";
  from: string;
  lat: string;
  lon: string;
  within: string;
  needs: string[];
  wishes: string[];
};

export const NO_NEED: NeedFields = { kind: "", from: "", lat: "", lon: "", within: "10", needs: [], wishes: [] };
const WITHIN_KM = { least: 0.5, most: 200 };

/** A number in a field; undefined where it is none, or out of bounds. */
function numberIn(text: string, least: number, most: number): number | undefined {
  const value = Number(text);
  return text.trim() !== "" && value >= least && value <= most ? value : undefined;
}

/** The fields of a need, with the place and the distance that they mean. */
export function useNeed(houses: readonly House[], initial: NeedFields = NO_NEED) {
  const [need, setNeed] = useState(initial);
  const lat = numberIn(need.lat, -90, 90);
  const lon = numberIn(need.lon, -180, 180);
  const given: Place | undefined = lat === undefined || lon === undefined ? undefined : { lat, lon };
  const place = need.from === "given" ? given : (houses.find(({ id }) => id === need.from)?.place ?? undefined);
  return {
    need,
    place,
    within: numberIn(need.within, WITHIN_KM.least, WITHIN_KM.most),
    change: (changes: Partial<NeedFields>) => setNeed((held) => ({ ...held, ...changes })),
  };
}
