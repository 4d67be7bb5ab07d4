/** The text namespaces of the areas: types only, so that their words load with their code. */
import type { zh as elders } from "../care/elders/texts";
import type { zh as account } from "../account/texts";
import type { zh as care } from "../care/texts";
import type { zh as discovery } from "../care/discovery/texts";
import type { zh as rounds } from "../care/rounds/texts";
import type { zh as house } from "../operator/house/texts";
import type { zh as family } from "../family/texts";
import type { zh as simulator } from "../operator/simulator/texts";
import type { zh as audit } from "../operator/audit/texts";
import type { zh as operator } from "../operator/texts";
import type { zh as shift } from "../shift/texts";
import type { zh as oversight } from "../shared/oversightTexts";

export type AreaTexts = {
  account: typeof account;
  audit: typeof audit;
  oversight: typeof oversight;
  care: typeof care;
  discovery: typeof discovery;
  elders: typeof elders;
  house: typeof house;
  family: typeof family;
  operator: typeof operator;
  rounds: typeof rounds;
  shift: typeof shift;
  simulator: typeof simulator;
};
