import { describe, expect, it } from "vitest";

import { en } from "./en";
import { zh } from "./zh";

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

describe("texts", () => {
  const chinese = flatten(zh);
  const english = flatten(en);

  it("has the same keys in both languages", () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
  });

  it.each([...chinese.keys()])("%s uses the same placeholders and is not empty", (key) => {
    expect(english.get(key)).toBeTruthy();
    expect(chinese.get(key)).toBeTruthy();
    expect(placeholders(english.get(key) ?? "")).toEqual(placeholders(chinese.get(key) ?? ""));
  });
});
