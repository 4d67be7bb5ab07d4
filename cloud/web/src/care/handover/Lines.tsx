import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { type Change, type Line, type Section, SECTIONS } from "./calls";

/** All sections, also the empty ones: "none" is what one signs for, too. */
export function Lines({ lines }: { lines: readonly Line[] }): ReactNode {
  return (
    <div className="handover-lines">
      {SECTIONS.map((section) => (
        <Group key={section} section={section} lines={lines.filter((line) => line.section === section)} />
      ))}
    </div>
  );
}

function Group({ section, lines }: { section: Section; lines: readonly Line[] }): ReactNode {
  const { t } = useTranslation("handover");
  const id = useId();
  return (
    <section aria-labelledby={id} data-testid={`handover-${section}`}>
      <h3 id={id}>
        {t(`sections.${section}`)} <span className="handover-count">{lines.length}</span>
      </h3>
      {lines.length === 0 ? (
        <p className="handover-none">{t("nothing")}</p>
      ) : (
        <ul>
          {lines.map((line) => (
            <li key={line.key} data-urgent={line.urgent}>
              <OneLine line={line} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function OneLine({ line }: { line: Line }): ReactNode {
  const { t } = useTranslation("handover");
  const { i18n } = useTranslation();
  return (
    <>
      {line.urgent && <strong className="handover-urgent">{t("urgent")}</strong>}{" "}
      {line.place && <span>{line.place} </span>}
      {line.elder_id !== null ? <Link to={`/care/elders/${line.elder_id}`}>{line.elder}</Link> : null}{" "}
      <span>{i18n.language === "en" ? line.en : line.zh}</span>
    </>
  );
}

/** What happened between the two signatures. */
export function Changes({ changes }: { changes: readonly Change[] }): ReactNode {
  const { t } = useTranslation("handover");
  const { i18n } = useTranslation();
  const id = useId();
  return (
    <section aria-labelledby={id} className="handover-changes" data-testid="handover-changes">
      <h3 id={id}>
        {t("changes")} <span className="handover-count">{changes.length}</span>
      </h3>
      {changes.length === 0 ? (
        <p>{t("noChanges")}</p>
      ) : (
        <ul>
          {changes.map(({ before, after }) => {
            const line = after ?? before;
            if (line === null) return null;
            const kind = before === null ? "new" : after === null ? "gone" : "changed";
            return (
              <li key={`${line.section} ${line.key}`} data-urgent={line.urgent}>
                <strong>{t(`change.${kind}`)}</strong> {t(`sections.${line.section}`)}：
                <OneLine line={line} />
                {kind === "changed" && before !== null && (
                  <div className="handover-was">
                    {t("was")}
                    {i18n.language === "en" ? before.en : before.zh}
                  </div>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
