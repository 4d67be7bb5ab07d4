import "./entitlements.css";

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";
import { explain } from "../../shared/explain";
import { conditionWords, fieldWord, valueWord } from "../../shared/fieldWords";
import { Waiting } from "../../shared/Waiting";
import { History } from "./History";

type Service = components["schemas"]["EntitlementOut"];
type Standing = Service["standing"];

// What may be had first, then what a question would settle.
const ORDER: readonly Standing[] = ["met", "unknown", "not_met"];
const SIGN = { met: "✓", unknown: "?", not_met: "–" } as const;

/** What an elder may be entitled to, in plain words, with what is missing and the reason for each. */
export function Entitlements({ elderId }: { elderId: string }): ReactNode {
  const { t } = useTranslation("care");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: ["entitlements", elderId],
    queryFn: () =>
      answer(client.GET("/api/v1/elders/{elder_id}/entitlements", { params: { path: { elder_id: elderId } } })),
  });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("due.failed", { why: explain(common, failureReason) })}</p>;
  }
  return (
    <section aria-labelledby="entitlements-title">
      <h2 id="entitlements-title">{t("entitlements.title")}</h2>
      <p>{t("entitlements.hint", { version: data.rule_version })}</p>
      {ORDER.map((standing) => (
        <Group key={standing} standing={standing} services={data.services.filter((each) => each.standing === standing)} />
      ))}
      <History elderId={elderId} />
    </section>
  );
}

function Group({ standing, services }: { standing: Standing; services: readonly Service[] }): ReactNode {
  const { t } = useTranslation("care");
  if (services.length === 0) return null;
  const list = (
    <ul className="entitlements">
      {services.map((service) => (
        <Card key={service.key} service={service} />
      ))}
    </ul>
  );
  const title = t("entitlements.group", { name: t(`entitlements.standing.${standing}`), count: services.length });
  return standing === "not_met" ? (
    <details>
      <summary>{title}</summary>
      {list}
    </details>
  ) : (
    <>
      <h3>{title}</h3>
      {list}
    </>
  );
}

function Card({ service }: { service: Service }): ReactNode {
  const { t, i18n } = useTranslation("care");
  const { t: words } = useTranslation("fields");
  return (
    <li className="entitlement" data-standing={service.standing} data-testid={`entitlement-${service.key}`}>
      <h4>
        <span aria-hidden="true">{SIGN[service.standing]}</span> {i18n.language === "zh" ? service.name : service.name_en}
      </h4>
      <p>{service.target}</p>
      {service.missing.length > 0 && (
        <p className="entitlement-missing">
          {t("entitlements.ask", { what: service.missing.map((field) => fieldWord(words, field)).join("、") })}
        </p>
      )}
      {service.excluded_by.length > 0 && <p>{t("entitlements.notWith", { what: service.excluded_by.join("、") })}</p>}
      <details>
        <summary>{t("entitlements.why")}</summary>
        <ul className="conditions">
          {service.evidence.map((row, position) => (
            <li key={`${row.field}-${position}`}>
              {t(`entitlements.standing.${row.standing}`)} · {conditionWords(words, row.field, row.op, row.wanted)} ·{" "}
              {t("entitlements.found", {
                found: valueWord(words, row.found), source: row.source || "–", as_of: row.as_of ?? "–",
              })}
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}
