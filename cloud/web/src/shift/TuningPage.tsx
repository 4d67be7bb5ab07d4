import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Input, Tag } from "antd";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../api/client";
import type { components } from "../api/schema";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { shortTime } from "../shared/time";

type Proposal = components["schemas"]["ProposalOut"];

/** What would have been spared and missed with another limit; a person decides. */
export default function TuningPage(): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const found = useQuery({
    queryKey: ["tuning"],
    queryFn: () => answer(client.GET("/api/v1/duty/tuning")),
  });
  if (found.data === undefined)
    return found.failureReason === null ? (
      <p role="status">{t("tuning.loading")}</p>
    ) : (
      <p role="alert">{t("failed", { why: explain(plain, found.failureReason) })}</p>
    );
  const open = found.data.proposals.filter((each) => each.state === "open");
  const past = found.data.proposals.filter((each) => each.state !== "open");
  return (
    <>
      <p>{t("tuning.about")}</p>
      {open.length === 0 && <p>{t("tuning.none")}</p>}
      {open.map((each) => (
        <OpenProposal key={each.id} proposal={each} />
      ))}
      {past.length > 0 && (
        <DataTable
          title={t("tuning.past")}
          rows={past}
          rowKey={(row) => row.id}
          empty={t("tuning.none")}
          columns={[
            { title: t("tuning.elder"), cell: (row) => row.elder },
            { title: t("tuning.made"), cell: (row) => shortTime(row.made_at) },
            { title: t("tuning.change"), cell: (row) => t("tuning.fromTo", limits(row)) },
            { title: t("tuning.spared"), cell: (row) => row.spared },
            { title: t("tuning.state"), cell: (row) => t(`tuning.states.${row.state}`) },
            { title: t("tuning.by"), cell: (row) => row.decided_by ?? "" },
            { title: t("tuning.note"), cell: (row) => row.note ?? "" },
          ]}
        />
      )}
    </>
  );
}

const limits = (proposal: Proposal): { held: string; proposed: string } => ({
  held: proposal.held.toFixed(2),
  proposed: proposal.proposed.toFixed(3),
});

function OpenProposal({ proposal }: { proposal: Proposal }): ReactNode {
  const { t } = useTranslation("shift");
  const { t: plain } = useTranslation();
  const queries = useQueryClient();
  const [note, setNote] = useState("");
  const decide = useMutation({
    mutationFn: (approve: boolean) =>
      answer(
        client.POST("/api/v1/duty/tuning/{proposal_id}", {
          params: { path: { proposal_id: proposal.id } },
          body: { approve, note: note === "" ? null : note },
        }),
      ),
    onSettled: () => queries.invalidateQueries({ queryKey: ["tuning"] }),
  });
  const heading = `proposal-${proposal.id}`;
  return (
    <section aria-labelledby={heading} className="tuning-proposal" data-testid="proposal">
      <h2 id={heading}>{t("tuning.title", { elder: proposal.elder, ...limits(proposal) })}</h2>
      <p>
        <strong>{t("tuning.would", { spared: proposal.spared, missed: proposal.missed })}</strong>{" "}
        {t("tuning.basis", { judged: proposal.judged, since: shortTime(proposal.since), falls: proposal.kept_true })}
      </p>
      <ul>
        {proposal.cases.map((each) => (
          <li key={each.alert_id}>
            {shortTime(each.happened_at)} · {t(`tuning.verdicts.${each.verdict}`)} ·{" "}
            {t("tuning.chance", { percent: (each.chance * 100).toFixed(0) })}{" "}
            {each.spared && <Tag>{t("tuning.wouldSpare")}</Tag>}
          </li>
        ))}
      </ul>
      <label htmlFor={`note-${proposal.id}`}>{t("tuning.why")}</label>
      <Input
        id={`note-${proposal.id}`}
        value={note}
        maxLength={500}
        onChange={(event) => {
          setNote(event.target.value);
        }}
      />
      <p className="tuning-actions">
        <Button
          type="primary"
          loading={decide.isPending}
          onClick={() => {
            decide.mutate(true);
          }}
        >
          {t("tuning.approve")}
        </Button>{" "}
        <Button
          disabled={decide.isPending}
          onClick={() => {
            decide.mutate(false);
          }}
        >
          {t("tuning.refuse")}
        </Button>
      </p>
      {decide.error !== null && <p role="alert">{t("failed", { why: explain(plain, decide.error) })}</p>}
    </section>
  );
}
