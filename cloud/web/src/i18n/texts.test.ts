import { describe, expect, it } from "vitest";

import { en } from "./en";
import { zh } from "./zh";

type Tree = { [key: string]: string | Tree };
type Texts = { zh: Tree; en: Tree };

// Every file of words there is: who adds one need not think of this.
const TEXTS: Record<string, Texts> = {
  translation: { zh, en },
  ...import.meta.glob<Texts>(["../**/texts.ts", "../**/*Texts.ts", "!../i18n/**"], { eager: true }),
};

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
