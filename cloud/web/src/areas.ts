/** The areas of the product: where each is, who works there, and its code, loaded on demand. */
import { type ComponentType, lazy, type LazyExoticComponent } from "react";

import type { Me } from "./api/types";

export type AreaName = "duty" | "operator";

type Area = {
  name: AreaName;
  path: string;
  /** Roles whose work is here; the server decides what they may do, call by call. */
  roles: readonly string[];
  Page: LazyExoticComponent<ComponentType>;
};

/** In the order of the menu. A role's first area is where a login leads. */
export const AREAS: readonly Area[] = [
  {
    name: "duty",
    path: "/duty",
    roles: ["duty", "head_nurse", "manager", "admin"],
    Page: lazy(() => import("./duty/DutyPage")),
  },
  {
    name: "operator",
    path: "/operator",
    roles: ["operator", "manager", "admin"],
    Page: lazy(() => import("./operator")),
  },
];

export const areasOf = (me: Me | undefined): readonly Area[] =>
  me === undefined ? [] : AREAS.filter((area) => area.roles.includes(me.role));

/** Where a login leads: the desk, where a role has no area of its own yet. */
export const homeOf = (me: Me): string => areasOf(me)[0]?.path ?? "/duty";
