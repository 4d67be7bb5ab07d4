import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Me } from "../api/types";
import { type AreaName, areasOf } from "../areas";

/** The other places this person works in; nothing where there is only one. */
export function AreaLinks({ me, current }: { me: Me | undefined; current: AreaName }): ReactNode {
  const { t } = useTranslation();
  const others = areasOf(me).filter((area) => area.name !== current);
  if (others.length === 0) return null;
  return (
    <nav className="header-areas" aria-label={t("area.label")}>
      {others.map(({ name, path }) => (
        <Link key={name} to={path}>
          {t(`area.${name}`)}
        </Link>
      ))}
    </nav>
  );
}
