import { useQueries, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { type Assessment, assessmentApi, codeOf, type Form, type Item } from "./api";

type Row = { key: string; name: string; before: string; after: string; change: number };

/** What has changed since the assessment before: subtotals, and every item that was answered otherwise. */
export function Compare({ elderId, ids }: { elderId: string; ids: readonly [string, string] }): ReactNode {
  const { t, i18n } = useTranslation("care");
  const form = useQuery({ queryKey: ["assessment-form"], queryFn: assessmentApi.form, staleTime: Infinity });
  const [after, before] = useQueries({
    queries: ids.map((id) => ({ queryKey: ["assessment", id], queryFn: () => assessmentApi.one(elderId, id) })),
  });
  if (!form.data || !after?.data || !before?.data) return null;
  const rows = [...domains(before.data, after.data), ...items(form.data, before.data, after.data, i18n.language !== "en")];
  return (
    <div data-testid="compare">
      <DataTable
        title={t("compare.title", { before: before.data.reference_date, after: after.data.reference_date })}
        rows={rows}
        rowKey={({ key }) => key}
        empty={t("compare.same")}
        columns={[
          { title: t("compare.what"), cell: (row) => row.name },
          { title: t("compare.before"), cell: (row) => row.before },
          { title: t("compare.after"), cell: (row) => row.after },
          { title: t("compare.change"), cell: (row) => (row.change === 0 ? "＝" : row.change > 0 ? `＋${String(row.change)}` : `－${String(-row.change)}`) },
        ]}
      />
    </div>
  );
}

function domains(before: Assessment, after: Assessment): Row[] {
  return (after.report?.domains ?? []).flatMap((domain) => {
    const old = before.report?.domains.find(({ code }) => code === domain.code);
    return old === undefined
      ? []
      : [{ key: domain.code, name: `${domain.code} ${domain.name}`, before: String(old.score), after: String(domain.score), change: domain.score - old.score }];
  });
}

function items(form: Form, before: Assessment, after: Assessment, zh: boolean): Row[] {
  return form.domains
    .flatMap((domain) => domain.items)
    .filter(({ code }) => before.answers[code] !== after.answers[code])
    .map((item) => {
      const [old, now] = [answered(item, before), answered(item, after)];
      const words = (option: ReturnType<typeof answered>) =>
        option === undefined ? "–" : `${String(option.score)} ${zh ? option.zh : option.en}`;
      return {
        key: item.code, name: `${item.code} ${zh ? item.name_zh : item.name_en}`, before: words(old), after: words(now),
        change: (now?.score ?? 0) - (old?.score ?? 0),
      };
    });
}

const answered = (item: Item, one: Assessment) => item.options.find((option) => codeOf(option) === one.answers[item.code]);
