import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useLocation, useNavigate } from "react-router";

import { api } from "../api/client";
import { CallFailure } from "../api/failure";
import { KEYS } from "../api/queries";
import type { Me } from "../api/types";

const isNotLoggedIn = (error: Error | null): boolean =>
  error instanceof CallFailure && error.kind === "not_logged_in";

/** Who is logged in (asked for until it is known); leads to the login where nobody is. */
export function useMe(): { me: Me | undefined; error: Error | null } {
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const { data, failureReason: error } = useQuery({ queryKey: KEYS.me, queryFn: api.me });
  const gone = isNotLoggedIn(error);
  useEffect(() => {
    if (gone) void navigate(data === undefined ? "/login" : "/login?expired=1", {
        replace: true,
        state: { from: pathname },
      });
  }, [gone, data, navigate, pathname]);
  return { me: gone ? undefined : data, error: gone ? null : error };
}
