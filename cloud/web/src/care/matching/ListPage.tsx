import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { explain } from "../../shared/explain";
import { fieldWord } from "../../shared/fieldWords";
import { CallForm } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { type Difference, DIFFERENCES, type List, LIST_KEYS, lists, sendFile } from "./calls";
import { FileField, Progress } from "./ListsPage";
import { Meanings } from "./Meanings";
import { RowCard } from "./RowCard";

const EVERY_MS = 1_000;
const IN_WORK: readonly string[] = ["queued", "running"];

/** One list: how far it is, and its people by what the list says of them. */
export function ListPage(): ReactNode {
  const { t } = useTranslation("matching");
  const { t: common } = useTranslation();
  const { t: words } = useTranslation("fields");
  const { listId = "" } = useParams();
  const queryClient = useQueryClient();
  const { data: list, failureReason } = useQuery({
    queryKey: LIST_KEYS.list(listId),
    queryFn: () => lists.get(listId),
    refetchInterval: ({ state }) => (IN_WORK.includes(state.data?.state ?? "") ? EVERY_MS : false),
  });
  const failed = failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  if (list === undefined) return failed || <Waiting />;
  const erase = async () => {
    await lists.erase(listId);
    await queryClient.invalidateQueries({ queryKey: LIST_KEYS.lists });
  };
  return (
    <>
      {failed}
      <h2>{t("rowsOf", { source: list.source, as_of: list.as_of })}</h2>
      <p>
        {t("about", {
          field: fieldWord(words, list.field), file: list.file_name, by: list.uploaded_by, purpose: list.purpose, basis: list.legal_basis,
        })}
      </p>
      <p role="status" data-testid="list-state" data-state={list.state}>
        {t(`state.${list.state}`)}
        {list.step !== "" && ` · ${t(`step.${list.step as "reading"}`, { total: list.total })}`}
      </p>
      {list.state === "failed" && <Again list={list} />}
      {list.state === "ready" && (
        <>
          <p>{list.previous_as_of === null ? t("first") : t("previous", { day: list.previous_as_of })}</p>
          <Meanings key={list.version} list={list} />
          <Groups list={list} />
        </>
      )}
      {list.state !== "erased" && (
        <p>
          {t("until", { day: list.expires_on })} <AskButton label={t("erase")} title={t("eraseAsk")} onAnswer={erase} />
        </p>
      )}
    </>
  );
}

function Again({ list }: { list: List }): ReactNode {
  const { t } = useTranslation("matching");
  const queryClient = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [share, setShare] = useState<number | null>(null);
  const send = async () => {
    if (file === null) return;
    await sendFile(list.id, file, setShare);
    await queryClient.invalidateQueries({ queryKey: LIST_KEYS.list(list.id) });
  };
  return (
    <>
      <p role="alert" className="banner">
        {list.note}
      </p>
      <CallForm title={t("again")} submit={t("send")} onSubmit={send}>
        <FileField onChange={setFile} />
        {share !== null && <Progress share={share} />}
      </CallForm>
    </>
  );
}

function Groups({ list }: { list: List }): ReactNode {
  const { t } = useTranslation("matching");
  const first = DIFFERENCES.find((each) => (list.counts[each] ?? 0) > 0) ?? "changed";
  const [open, setOpen] = useState<Difference>(first);
  return (
    <section aria-label={t("section")}>
      <div className="match-tabs">
        {DIFFERENCES.map((each) => (
          <button key={each} type="button" aria-pressed={each === open} data-testid={`group-${each}`} onClick={() => setOpen(each)}>
            {t("tab", { name: t(`difference.${each}`), count: list.counts[each] ?? 0 })}
          </button>
        ))}
      </div>
      <Group key={open} list={list} difference={open} />
    </section>
  );
}

function Group({ list, difference }: { list: List; difference: Difference }): ReactNode {
  const { t } = useTranslation("matching");
  const { t: common } = useTranslation();
  const { data, failureReason, hasNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: LIST_KEYS.rows(list.id, difference),
    queryFn: ({ pageParam }) => lists.rows(list.id, difference, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const rows = data?.pages.flatMap((page) => page.rows) ?? [];
  return (
    <>
      <p>{t(`groupHint.${difference}`)}</p>
      {(difference === "changed" || difference === "gone") && <Bulk list={list} difference={difference} />}
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && rows.length === 0 && <p className="data-empty">{t("emptyGroup")}</p>}
      <ul className="match-rows">
        {rows.map((row) => (
          <RowCard key={row.id} list={list} row={row} />
        ))}
      </ul>
      {hasNextPage && <Button onClick={() => void fetchNextPage()}>{t("more")}</Button>}
    </>
  );
}

/** All that are certain, some hundred at a time until nothing is left. */
function Bulk({ list, difference }: { list: List; difference: "changed" | "gone" }): ReactNode {
  const { t } = useTranslation("matching");
  const queryClient = useQueryClient();
  const [said, setSaid] = useState("");
  const count = list.undecided[difference] ?? 0;
  const all = async () => {
    let done = 0;
    for (;;) {
      const { decided, left, passed } = await lists.decideMany(list.id, { decision: "apply", difference, reason: "" });
      done += decided;
      setSaid(left === 0 ? t("bulkDone", { done, passed }) : t("bulkBusy", { done, left }));
      if (left === 0 || decided === 0) break;
    }
    await queryClient.invalidateQueries({ queryKey: LIST_KEYS.list(list.id) });
  };
  return (
    <p>
      {count > 0 && <AskButton label={t("bulk")} title={`${t("bulk")}？${t("bulkAsk")}`} onAnswer={all} testId="bulk-apply" />}{" "}
      <span role="status">{said || t("left", { count })}</span>
    </p>
  );
}
