import { describe, expect, it } from "vitest";

import * as day from "../care/elders/dayTexts";
import * as exchange from "../care/exchange/texts";
import * as elders from "../care/elders/texts";
import * as care from "../care/texts";
import * as matching from "../care/matching/texts";
import * as services from "../care/services/texts";
import * as fields from "../shared/fieldTexts";
import * as handbook from "../shared/handbookTexts";
import * as coverageMap from "../operator/coverage/texts";
import * as house from "../operator/house/texts";
import * as bureau from "../bureau/texts";
import * as account from "../account/texts";
import * as family from "../family/texts";
import * as simulator from "../operator/simulator/texts";
import * as operator from "../operator/texts";
import * as shift from "../shift/texts";
import { en } from "./en";
import { zh } from "./zh";

// One line for each area.
const TEXTS = {
  translation: { zh, en },
  account,
  bureau,
  care,
  coverageMap,
  day,
  elders,
  exchange,
  family,
  fields,
  handbook,
  matching,
  services,
  house,
  operator,
  shift,
  simulator,
};

type Tree = { [key: string]: string | Tree };

function flatten(tree: Tree, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") flat.set(prefix + key, value);
    else for (const [inner, text] of flatten(value, `${prefix}${key}.`)) flat.set(inner, text);
  }
  return flat;
}

const placeholders = (text: string): string[] => (text.match(/\{\{\w+\}\}/g) ?? []).sort();

describe.each(Object.entries(TEXTS))("texts of %s", (_name, texts) => {
  const chinese = flatten(texts.zh);
  const english = flatten(texts.en);

  it("has the same keys in both languages", () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
  });

  it.each([...chinese.keys()])("%s uses the same placeholders and is not empty", (key) => {
    expect(english.get(key)).toBeTruthy();
    expect(chinese.get(key)).toBeTruthy();
    expect(placeholders(english.get(key) ?? "")).toEqual(placeholders(chinese.get(key) ?? ""));
  });
});
