import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";
import { explain } from "../../shared/explain";
import { CallForm, TextField } from "../../shared/forms";
import { exactTime } from "../../shared/time";
import { Waiting } from "../../shared/Waiting";

type Glass = components["schemas"]["BreakGlassOut"];
const GLASSES = ["break-glass", "open"];

/** Records that were opened from another unit and wait for somebody else to look at it. */
export default function GlassPage(): ReactNode {
  const { t } = useTranslation("audit");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({
    queryKey: GLASSES,
    queryFn: () => answer(client.GET("/api/v1/break-glass", { params: { query: { reviewed: false } } })),
  });
  return (
    <section aria-labelledby="glass-title">
      <h2 id="glass-title">{t("glassTitle")}</h2>
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data === undefined && failureReason === null && <Waiting />}
      {data?.opened.length === 0 && <p>{t("glassNone")}</p>}
      {data?.opened.map((glass) => <Review key={glass.id} glass={glass} />)}
    </section>
  );
}

function Review({ glass }: { glass: Glass }): ReactNode {
  const { t } = useTranslation("audit");
  const queryClient = useQueryClient();
  const [note, setNote] = useState("");
  const send = async () => {
    await answer(
      client.POST("/api/v1/break-glass/{break_glass_id}/review", {
        params: { path: { break_glass_id: glass.id } },
        body: { note },
      }),
    );
    await queryClient.invalidateQueries({ queryKey: GLASSES });
  };
  const title = `${glass.user_name} → ${glass.elder_name ?? glass.elder_id}`;
  return (
    <CallForm title={title} submit={t("review")} onSubmit={send} testId="glass-review">
      <p>
        {exactTime(glass.opened_at)} {t("closes", { time: exactTime(glass.closes_at) })}
      </p>
      <p>{glass.reason}</p>
      <TextField label={t("reviewNote", { name: glass.user_name })} value={note} onChange={setNote} required multiline />
    </CallForm>
  );
}
