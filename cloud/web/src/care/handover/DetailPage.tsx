import { useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { dayAndClock } from "../../shared/dayAndClock";
import { explain } from "../../shared/explain";
import { Waiting } from "../../shared/Waiting";
import { type Detail, HANDOVER_KEYS, handovers } from "./calls";
import { Changes, Lines } from "./Lines";

const SIGNED_WITH = ["password", "password+code", "login"] as const;
type SignedWith = (typeof SIGNED_WITH)[number];
const isKnown = (value: string): value is SignedWith => SIGNED_WITH.some((each) => each === value);

/** One handover as it was signed, to read and to print. */
export function DetailPage(): ReactNode {
  const { t } = useTranslation("handover");
  const { t: common } = useTranslation();
  const { handoverId = "" } = useParams();
  const { data, failureReason } = useQuery({ queryKey: HANDOVER_KEYS.one(handoverId), queryFn: () => handovers.one(handoverId) });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  const { handover } = data;
  return (
    <>
      <p className="no-print handover-tools">
        <Link to={`/care/handover?unit=${handover.unit_id}`}>{t("back")}</Link>
        <Button onClick={() => globalThis.print()}>{t("print")}</Button>
      </p>
      <h2 data-testid="handover-head">{t("head", { unit: data.unit, name: handover.shift })}</h2>
      <p>
        {dayAndClock(handover.shift_starts_at)} – {dayAndClock(handover.shift_ends_at)} · {t(`state.${handover.state}`)}
      </p>
      {data.moves.map((move) => (
        <Move key={`${move.at} ${move.move}`} move={move} />
      ))}
    </>
  );
}

function Move({ move }: { move: Detail["moves"][number] }): ReactNode {
  const { t } = useTranslation("handover");
  const proof = isKnown(move.signed_with) ? t(`signedWith.${move.signed_with}`) : move.signed_with;
  return (
    <section className="handover-move" data-testid="handover-move" data-move={move.move}>
      <h3>
        {t(`signature.${move.move}`)}：{move.by} {dayAndClock(move.at)}（{proof}）
      </h3>
      {move.words && <p>{t("remark", { words: move.words })}</p>}
      {move.move === "give" ? <Lines lines={move.lines} /> : <Changes changes={move.changes} />}
      <p className="handover-hash">
        {t("hash", { hash: move.sha256.slice(0, 16) })} <span data-whole={move.whole}>{move.whole ? t("whole") : t("broken")}</span>
      </p>
    </section>
  );
}
