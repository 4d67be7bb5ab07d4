import type { TFunction } from "i18next";

import { zh } from "./oversightTexts";

type Key = keyof typeof zh.action;
const KEYS = Object.keys(zh.action) as Key[];

/** All audited actions by their texts' keys, and as the API names them. */
export const ACTIONS: readonly { key: Key; action: string }[] = KEYS.map((key) => ({ key, action: key.replace("_", ".") }));

/** What an audited action is called; one that has no words yet, by its own name. */
export function actionWord(t: TFunction<"oversight">, action: string): string {
  const known = ACTIONS.find((each) => each.action === action);
  return known === undefined ? action : t(`action.${known.key}`);
}
