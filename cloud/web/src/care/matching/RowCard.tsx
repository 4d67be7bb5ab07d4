import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { type Answers, AskButton, type Question } from "../../shared/AskButton";
import { fieldWord, valueWord } from "../../shared/fieldWords";
import { ActionButton } from "../../shared/forms";
import { type Decision, type List, LIST_KEYS, lists, type Row } from "./calls";

const DECIDABLE: readonly string[] = ["changed", "gone", "conflict"];

/** One person of a list: what it says, how sure that is, and what somebody decides. */
export function RowCard({ list, row }: { list: List; row: Row }): ReactNode {
  const { t } = useTranslation("matching");
  const { t: words } = useTranslation("fields");
  const said = row.decision !== null && row.undone_at === null;
  const person = t("person", { name: row.name, born: row.birth_date ?? "", number: row.number ?? "" }).trim();
  return (
    <li
      className="match-row"
      data-testid="match-row"
      data-difference={row.difference}
      data-certainty={row.certainty}
      data-decided={said}
    >
      <h3>{person || row.elders.map(({ name }) => name).join("、") || "–"}</h3>
      <p>
        {row.line === null ? t("noLine") : t("line", { line: row.line })}
        {row.status && ` · ${row.status}`}
        {row.difference !== "unreadable" && ` · ${t(`certainty.${row.certainty}`)}`}
      </p>
      <p>{row.why}</p>
      {row.elders.length > 0 && (
        <p>
          {t("record")}：
          {row.elders.map((elder) => (
            <Link key={elder.elder_id} to={`/care/elders/${elder.elder_id}`}>
              {elder.name} {elder.birth_date}{" "}
            </Link>
          ))}
        </p>
      )}
      {DECIDABLE.includes(row.difference) && (
        <p className="match-move">
          {row.after === null
            ? t("noMeaning", { status: row.status })
            : t("move", {
                field: fieldWord(words, list.field), before: valueWord(words, row.before), after: valueWord(words, row.after),
              })}
        </p>
      )}
      <Decided row={row} />
      <Actions list={list} row={row} />
    </li>
  );
}

function Decided({ row }: { row: Row }): ReactNode {
  const { t } = useTranslation("matching");
  if (row.decision === null) return null;
  return (
    <p data-testid="decided">
      {t(`decided.${row.decision}`, { by: row.decided_by, note: row.decision_note })}
      {row.undone_at !== null && ` · ${t("undone", { by: row.undone_by })}`}
    </p>
  );
}

function Actions({ list, row }: { list: List; row: Row }): ReactNode {
  const { t } = useTranslation("matching");
  const queryClient = useQueryClient();
  const renew = () => queryClient.invalidateQueries({ queryKey: LIST_KEYS.list(list.id) });
  const decide = async (body: Decision) => {
    await lists.decide(list.id, row.id, body);
    await renew();
  };
  if (row.decision !== null && row.undone_at === null) {
    const undo = async () => {
      await lists.undo(list.id, row.id);
      await renew();
    };
    return (
      <div className="match-actions">
        <ActionButton label={t("undo")} onPress={undo} testId="undo" />
      </div>
    );
  }
  const mayApply = DECIDABLE.includes(row.difference) && (row.elders.length > 0 || row.difference !== "conflict");
  return (
    <div className="match-actions">
      {mayApply && <Apply list={list} row={row} decide={decide} />}
      {row.difference !== "same" && (
        <>
          <AskButton
            label={t("reject")}
            testId="reject"
            questions={[{ name: "reason", label: t("reason"), required: true }]}
            onAnswer={({ reason = "" }) => decide({ decision: "reject", reason })}
          />
          <ActionButton label={t("task")} onPress={() => decide({ decision: "task", reason: "" })} testId="task" />
        </>
      )}
    </div>
  );
}

type ApplyProps = { list: List; row: Row; decide: (body: Decision) => Promise<void> };

/** As the list says, or as the person knows better; of a conflict, who it is and how that was checked. */
function Apply({ list, row, decide }: ApplyProps): ReactNode {
  const { t } = useTranslation("matching");
  const { t: words } = useTranslation("fields");
  const conflict = row.difference === "conflict";
  const values: Question = {
    name: "value",
    label: `${fieldWord(words, list.field)}：${t("value")}`,
    initial: row.after === null ? "" : String(row.after),
    options: [
      ...(row.after === null ? [{ value: "", label: t("asListed") }] : []),
      ...list.values.map((each) => ({ value: String(each), label: valueWord(words, each) })),
    ],
  };
  const who: Question = {
    name: "elder",
    label: t("who"),
    initial: row.elders[0]?.elder_id ?? "",
    options: row.elders.map(({ elder_id, name, birth_date }) => ({ value: elder_id, label: `${name} ${birth_date}` })),
  };
  const questions = [
    ...(conflict ? [who] : []),
    ...(list.values.length > 0 ? [values] : []),
    { name: "reason", label: conflict ? t("how") : t("reason"), required: conflict },
  ];
  const apply = async ({ elder = "", value = "", reason = "" }: Answers) => {
    const known = list.values.find((each) => String(each) === value);
    await decide({
      decision: "apply", reason, ...(known !== undefined && { value: known }), ...(conflict && { elder_id: elder }),
    });
  };
  return <AskButton label={t("apply")} questions={questions} onAnswer={apply} testId="apply" />;
}
