import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";
import { ACTIONS, actionWord } from "../../shared/actionWord";
import { DataTable } from "../../shared/DataTable";
import { ElderPicker } from "../../shared/ElderPicker";
import { explain } from "../../shared/explain";
import { SelectField, TextField } from "../../shared/forms";
import { exactTime } from "../../shared/time";
import { useMe } from "../../shared/useMe";
import { Waiting } from "../../shared/Waiting";

type Entry = components["schemas"]["AuditEntryOut"];
type Action = components["schemas"]["Action"];
/** The house's day begins at its own midnight, wherever the browser is. */
const dayStart = (day: string): string => `${day}T00:00:00+08:00`;

/** Who saw or changed what, when and why: by elder, person, kind and days; the newest first. */
export default function AuditPage(): ReactNode {
  const { t } = useTranslation("audit");
  const { t: said } = useTranslation("oversight");
  const { t: common } = useTranslation();
  const { me } = useMe();
  const [elder, setElder] = useState("");
  const [person, setPerson] = useState("");
  const [action, setAction] = useState<Action | "">("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const query = {
    ...(elder && { elder_id: elder }),
    ...(person && { actor_id: person }),
    ...(action && { action }),
    ...(from && { from: dayStart(from) }),
    ...(to && { to: dayStart(to) }),
  };
  const audit = useInfiniteQuery({
    queryKey: ["audit", query],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET("/api/v1/audit", {
          params: { query: { ...query, ...(pageParam !== null && { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
  const users = useQuery({
    queryKey: ["users", "all"],
    queryFn: () => answer(client.GET("/api/v1/users", { params: { query: { limit: 200 } } })),
    enabled: me?.permissions.includes("users_manage") ?? false,
  });
  const rows = audit.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <>
      <div className="tools">
        {me?.permissions.includes("records_read") && (
          <ElderPicker label={t("elder")} value={elder} onChange={setElder} />
        )}
        <SelectField
          label={t("person")}
          value={person}
          onChange={setPerson}
          options={[
            { value: "", label: t("everyone") },
            ...(users.data?.users ?? []).map(({ id, name, username }) => ({ value: id, label: `${name} · ${username}` })),
          ]}
        />
        <SelectField
          label={t("kind")}
          value={action}
          onChange={(value) => setAction(value as Action | "")}
          options={[
            { value: "", label: t("everything") },
            ...ACTIONS.map(({ key, action: value }) => ({ value, label: said(`action.${key}`) })),
          ]}
        />
        <TextField label={t("from")} type="date" value={from} onChange={setFrom} />
        <TextField label={t("to")} type="date" value={to} onChange={setTo} />
      </div>
      <Whole />
      {audit.failureReason !== null && (
        <p role="alert">{t("failed", { why: explain(common, audit.failureReason) })}</p>
      )}
      {audit.data === undefined && audit.failureReason === null && <Waiting />}
      {audit.data !== undefined && (
        <DataTable
          title={t("title")}
          rows={rows}
          rowKey={({ seq }) => String(seq)}
          empty={t("none")}
          columns={[
            { title: said("when"), cell: (row) => exactTime(row.at) },
            { title: said("who"), cell: (row) => row.actor.name },
            { title: said("what"), cell: (row) => actionWord(said, row.action) },
            { title: t("whom"), cell: (row) => row.elder_name ?? row.elder_id ?? "" },
            { title: said("why"), cell: (row) => row.reason ?? "" },
            { title: t("detail"), cell: (row) => content(row) },
          ]}
        />
      )}
      {audit.hasNextPage && <Button onClick={() => void audit.fetchNextPage()}>{said("more")}</Button>}
    </>
  );
}

/** Changed fields with before and after, and what else was written down. */
function content({ changes, detail, subject }: Entry): string {
  const shown = (value: unknown): string =>
    typeof value === "string" ? value : JSON.stringify(value);
  const parts = Object.entries(changes).map(([name, change]) => {
    const { before, after } = change as { before: unknown; after: unknown };
    return `${name}: ${shown(before)} → ${shown(after)}`;
  });
  const more = Object.entries(detail).map(([name, value]) => `${name}: ${shown(value)}`);
  return [...parts, ...more, ...(parts.length + more.length === 0 && subject ? [shown(subject.kind)] : [])].join("；");
}

function Whole(): ReactNode {
  const { t } = useTranslation("audit");
  const { t: common } = useTranslation();
  const check = useMutation({ mutationFn: () => answer(client.GET("/api/v1/audit/verification")) });
  const found = check.data;
  return (
    <p>
      <Button aria-disabled={check.isPending} onClick={() => check.isPending || check.mutate()}>
        {t("verify")}
      </Button>{" "}
      <a href="/api/v1/audit/export" download="audit.jsonl">
        {t("export")}
      </a>{" "}
      <span role="status">
        {found !== undefined &&
          (found.whole
            ? t("whole", { count: found.entries, head: found.head })
            : t("broken", { at: found.broken_at, why: found.why }))}
      </span>
      {check.error !== null && <span role="alert">{t("failed", { why: explain(common, check.error) })}</span>}
    </p>
  );
}
