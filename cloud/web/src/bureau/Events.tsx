import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { exactTime } from "../shared/time";
import { Waiting } from "../shared/Waiting";
import { bureauApi } from "./api";

/** What a number of an institution counted: times and kinds, without who and where. */
export function Events({ code, month, member }: { code: string; month: string; member: string }): ReactNode {
  const { t } = useTranslation("bureau");
  const { t: common } = useTranslation();
  const { data, failureReason: error } = useQuery({
    queryKey: ["bureau", "events", code, month, member],
    queryFn: () => bureauApi.events(code, month, member),
  });
  if (error !== null) return <p role="alert">{t("eventsFailed", { why: explain(common, error) })}</p>;
  if (data === undefined) return <Waiting />;
  const seconds = (value: number | null, none: string) => (value === null ? none : t("seconds", { s: value }));
  const outcome = (value: string | null) =>
    value === null
      ? ""
      : common(`finding.${value}` as "finding.real_fall", {
          defaultValue: common(`verdict.${value}` as "verdict.true", {
            defaultValue: common(`injury.${value}` as "injury.none", { defaultValue: value }),
          }),
        });
  return (
    <>
      <DataTable
        title={t("events")}
        rows={data.events}
        rowKey={({ ref, at }) => `${ref}${at}`}
        empty={t("eventsNone")}
        columns={[
          { title: t("ref"), cell: (one) => <code>{one.ref}</code> },
          { title: t("at"), cell: (one) => exactTime(one.at) },
          {
            title: t("alertKind"),
            cell: (one) =>
              one.code === ""
                ? t("maskedKind")
                : common(`code.${one.code}` as "code.sos", { defaultValue: one.code }),
          },
          { title: t("answer"), cell: (one) => seconds(one.answer_s, t("notYet")) },
          { title: t("arrival"), cell: (one) => seconds(one.arrival_s, t("noValue")) },
          { title: t("outcome"), cell: (one) => outcome(one.outcome) },
        ]}
      />
      {data.more && <p>{t("more", { count: data.events.length })}</p>}
    </>
  );
}
