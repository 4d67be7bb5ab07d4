import { useInfiniteQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import { actionWord } from "../shared/actionWord";
import { explain } from "../shared/explain";
import { exactTime } from "../shared/time";

/** Who saw or changed the record of one's relative, the newest first; fetched once it is opened. */
export function Looks({ elderId }: { elderId: string }): ReactNode {
  const { t } = useTranslation("oversight");
  const { t: common } = useTranslation();
  const [opened, setOpened] = useState(false);
  const looks = useInfiniteQuery({
    queryKey: ["looks", elderId],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET("/api/v1/elders/{elder_id}/looks", {
          params: { path: { elder_id: elderId }, query: pageParam === null ? {} : { cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    enabled: opened,
  });
  const rows = looks.data?.pages.flatMap((page) => page.looks) ?? [];
  return (
    <details data-testid="family-looks" onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>{t("looks")}</summary>
      {looks.failureReason !== null && (
        <p role="alert">{t("looksFailed", { why: explain(common, looks.failureReason) })}</p>
      )}
      {looks.data !== undefined && rows.length === 0 && <p>{t("looksNone")}</p>}
      <ul>
        {rows.map((look, index) => (
          <li key={`${look.at}-${index}`}>
            {exactTime(look.at)} · {look.name} · {actionWord(t, look.action)}
            {look.reason && ` · ${look.reason}`}
          </li>
        ))}
      </ul>
      {looks.hasNextPage && <Button onClick={() => void looks.fetchNextPage()}>{t("more")}</Button>}
    </details>
  );
}
