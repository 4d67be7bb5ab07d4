import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Navigate } from "react-router";

import { homeOf } from "../areas";
import { explain } from "../shared/explain";
import { useMe } from "../shared/useMe";
import { Waiting } from "../shared/Waiting";

/** The bare address: on to where this person works. */
export default function HomePage(): ReactNode {
  const { t } = useTranslation();
  const { me, error } = useMe();
  if (me !== undefined) return <Navigate to={homeOf(me)} replace />;
  return error === null ? <Waiting /> : <p role="alert">{explain(t, error)}</p>;
}
