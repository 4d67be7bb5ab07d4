import "./handbook.css";

import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import { explain } from "./explain";
import { conditionWords, type Wanted } from "./fieldWords";
import { Waiting } from "./Waiting";

type Node = { field?: string; op?: string; value?: Wanted; all?: Node[]; any?: Node[] };

/** The service list in plain words and large type, one page for each service when printed. */
export function Handbook(): ReactNode {
  const { t, i18n } = useTranslation("handbook");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: ["service-handbook"],
    queryFn: () => answer(client.GET("/api/v1/service-handbook")),
  });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  const chinese = i18n.language === "zh";
  return (
    <article className="handbook">
      <h2>{t("title")}</h2>
      <p>{t("draft")}</p>
      <p className="no-print">
        <Button onClick={() => globalThis.print()}>{t("print")}</Button>
      </p>
      <nav className="no-print" aria-label={t("contents")}>
        <ol>
          {data.services.map((service) => (
            <li key={service.key}>
              <a href={`#book-${service.key}`}>{chinese ? service.name : service.name_en}</a>
            </li>
          ))}
        </ol>
      </nav>
      {data.services.map((service) => (
        <section key={service.key} id={`book-${service.key}`} aria-labelledby={`book-title-${service.key}`}>
          <h3 id={`book-title-${service.key}`}>{chinese ? service.name : service.name_en}</h3>
          <p>{(chinese ? service.what : service.what_en) || service.target}</p>
          <h4>{t("who")}</h4>
          <p>{service.target}</p>
          <ul>
            <Conditions node={service.eligibility as Node} />
          </ul>
          {service.bring && (
            <>
              <h4>{t("bring")}</h4>
              <p>{chinese ? service.bring : service.bring_en}</p>
            </>
          )}
          <h4>{t("ask")}</h4>
          <p>{t("where")}</p>
        </section>
      ))}
      <p>{t("version", { version: data.rule_version, day: data.on })}</p>
    </article>
  );
}

/** What must hold, as somebody would say it. */
function Conditions({ node }: { node: Node }): ReactNode {
  const { t } = useTranslation("handbook");
  const { t: words } = useTranslation("fields");
  if (node.field !== undefined) {
    return <li>{conditionWords(words, node.field, node.op ?? "=", node.value ?? null)}</li>;
  }
  const parts = node.all ?? node.any ?? [];
  const list = (
    <ul>
      {parts.map((part, position) => (
        <Conditions key={position} node={part} />
      ))}
    </ul>
  );
  return (
    <li>
      {t(node.all === undefined ? "any" : "all")}
      {list}
    </li>
  );
}
