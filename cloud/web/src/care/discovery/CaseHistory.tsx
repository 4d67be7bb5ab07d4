import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { dayAndClock } from "../../shared/dayAndClock";
import type { DiscoveryCase } from "./calls";
import type { zh } from "./texts";

type Move = keyof (typeof zh)["moves"];

/** What was asked for and how it went, then every step. */
export function CaseHistory({ item, steps }: { item: DiscoveryCase; steps: boolean }): ReactNode {
  const { t } = useTranslation("discovery");
  return (
    <>
      {item.tasks.map((task) => (
        <p key={task.id} data-testid="discovery-task">
          {t("task", { kind: t(`kinds.${task.kind}`), due: task.due_on, by: task.asked_by })}：
          <strong>{t(`outcome.${task.outcome ?? "open"}`)}</strong> {task.result}
        </p>
      ))}
      {steps && (
        <ul className="discovery-moves">
          {item.moves.map((move) => (
            <li key={`${move.at} ${move.move}`}>
              {dayAndClock(move.at)} {t(`moves.${move.move as Move}`)}（{move.by || t("nightly")}）{move.note}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
