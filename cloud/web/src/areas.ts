/** The areas of the product: where each is, who works there, and its code, loaded on demand. */
import type { Me, Permission } from "./api/types";
import { onDemand, type PageOnDemand } from "./shared/onDemand";

export type AreaName = "duty" | "shift" | "care" | "family" | "operator" | "bureau";

type Area = {
  name: AreaName;
  path: string;
  /** Any of these opens the area; the server decides what they may do, call by call. */
  permissions: readonly Permission[];
  Page: PageOnDemand;
};

/** In the order of the menu. A role's first area is where a login leads. */
export const AREAS: readonly Area[] = [
  {
    name: "duty",
    path: "/duty",
    permissions: ["alerts_act"],
    Page: onDemand(() => import("./duty/DutyPage")),
  },
  {
    name: "care",
    path: "/care",
    permissions: ["records_read", "care_read"],
    Page: onDemand(() => import("./care")),
  },
  {
    name: "family",
    path: "/family",
    permissions: ["family_read"],
    Page: onDemand(() => import("./family")),
  },
  {
    name: "operator",
    path: "/operator",
    permissions: ["devices_manage", "gateways_manage"],
    Page: onDemand(() => import("./operator")),
  },
  {
    name: "shift",
    path: "/shift",
    permissions: ["roster_read"],
    Page: onDemand(() => import("./shift")),
  },
  {
    name: "bureau",
    path: "/bureau",
    permissions: ["bureau_read", "reports_read"],
    Page: onDemand(() => import("./bureau")),
  },
];

export const areasOf = (me: Me | undefined): readonly Area[] =>
  me === undefined ? [] : AREAS.filter((area) => area.permissions.some((each) => me.permissions.includes(each)));

/** Where the work is: one's own account, where a role has no area yet. */
export const workOf = (me: Me): string => areasOf(me)[0]?.path ?? "/account";

/** Back to where one was sent to the login from, if one may be there; else where a login leads. */
export function backOf(me: Me, from: unknown): string {
  const allowed =
    typeof from === "string" && areasOf(me).some(({ path }) => from === path || from.startsWith(`${path}/`));
  return me.restriction === null && allowed ? from : homeOf(me);
}

/** Where a login leads: to one's account first, where a password or a second factor is to be set. */
export const homeOf = (me: Me): string => (me.restriction === null ? workOf(me) : "/account");
