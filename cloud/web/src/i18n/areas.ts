/** The text namespaces of the areas: types only, so that their words load with their code. */
import type { zh as operator } from "../operator/texts";

export type AreaTexts = {
  operator: typeof operator;
};
