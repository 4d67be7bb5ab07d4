import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { explain } from "../shared/explain";
import { conditionWords, fieldWord } from "../shared/fieldWords";
import { Waiting } from "../shared/Waiting";

type Service = components["schemas"]["FamilyServiceOut"];

const SHOWN = ["met", "unknown"] as const;
const SIGN = { met: "✓", unknown: "?", not_met: "–" } as const;

/** What one's relative may be entitled to and what is missing; fetched once it is opened. */
export function FamilyEntitlements({ elderId }: { elderId: string }): ReactNode {
  const { t } = useTranslation("family");
  const [opened, setOpened] = useState(false);
  return (
    <details data-testid="family-entitlements" onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>{t("services.title")}</summary>
      {opened && <Services elderId={elderId} />}
    </details>
  );
}

function Services({ elderId }: { elderId: string }): ReactNode {
  const { t } = useTranslation("family");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: ["family-entitlements", elderId],
    queryFn: () =>
      answer(client.GET("/api/v1/family/elders/{elder_id}/entitlements", { params: { path: { elder_id: elderId } } })),
  });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("services.failed", { why: explain(common, failureReason) })}</p>;
  }
  if (!data.shared) return <p>{t("services.notShared")}</p>;
  return (
    <>
      <p>{t("services.hint")}</p>
      {SHOWN.map((standing) => {
        const rows = data.services.filter((each) => each.standing === standing);
        return (
          <section key={standing} data-testid={`family-${standing}`}>
            <h3>{t(`services.${standing}`, { count: rows.length })}</h3>
            <ul className="family-services">
              {rows.map((service) => (
                <One key={service.key} service={service} />
              ))}
            </ul>
          </section>
        );
      })}
      <p>
        <Link to="/family/handbook">{t("services.handbook")}</Link>
      </p>
    </>
  );
}

function One({ service }: { service: Service }): ReactNode {
  const { t, i18n } = useTranslation("family");
  const { t: words } = useTranslation("fields");
  return (
    <li>
      <strong>
        <span aria-hidden="true">{SIGN[service.standing]}</span> {i18n.language === "zh" ? service.name : service.name_en}
      </strong>
      <br />
      {service.target}
      {service.missing.length > 0 && (
        <p className="family-missing">
          {t("services.missing", { what: service.missing.map((field) => fieldWord(words, field)).join("、") })}
        </p>
      )}
      <details>
        <summary>{t("services.why")}</summary>
        <ul>
          {service.conditions.map((row, position) => (
            <li key={position}>
              {t(`services.standing.${row.standing}`)} · {conditionWords(words, row.field, row.op, row.wanted)}
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}
