import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { dayAndClock } from "../../shared/dayAndClock";
import { Fetching } from "../../shared/Fetching";
import { useMe } from "../../shared/useMe";
import { useWord } from "../visits/words";
import { BED_KEYS, beds, type HomeBed, type Move } from "./calls";
import { NextMove } from "./NextMove";

/** One home bed: its steps, what is to be done next and what that lacks, and every move. */
export function HomeBedPage(): ReactNode {
  const { t } = useTranslation("homebeds");
  const { id = "" } = useParams();
  const { data, failureReason } = useQuery({ queryKey: BED_KEYS.one(id), queryFn: () => beds.one(id) });
  return (
    <>
      <p>
        <Link className="touch" to="/care/homebeds">
          {t("back")}
        </Link>
      </p>
      <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />
      {data && <Shown data={data} />}
    </>
  );
}

function Shown({ data }: { data: HomeBed }): ReactNode {
  const { t } = useTranslation("homebeds");
  const word = useWord();
  const { me } = useMe();
  const { row } = data;
  const writes = me?.permissions.includes("care_write") ?? false;
  return (
    <>
      <h2>{t("title", { name: row.elder_name })}</h2>
      <ol className="home-bed-steps" aria-label={t("steps")}>
        {data.steps.map((step) => (
          <li key={step.key} data-testid={`step-${step.key}`} aria-current={step.key === row.step ? "step" : undefined}>
            {word(step)}
          </li>
        ))}
      </ol>
      {row.next && (
        <p className={row.overdue ? "overdue" : undefined}>
          {t("nextUntil", { move: t(`move.${row.next}`), day: row.due_on })}
          {row.overdue && <strong> {t("overdue")}</strong>}
        </p>
      )}
      {data.lacking.length > 0 && (
        <div role="note">
          <p>{t("lacking")}</p>
          <ul>
            {data.lacking.map(({ code, zh }) => (
              <li key={code}>
                {t(`lack.${code}`, { defaultValue: zh, unfitted: data.unfitted, unchecked: data.unchecked })}{" "}
                {code.includes("assessment") && (
                  <Link to={`/care/assessments/${row.elder_id}`}>{t("toAssessment")}</Link>
                )}
                {code === "no_consent" && <Link to={`/care/elders/${row.elder_id}`}>{t("toRecord")}</Link>}
              </li>
            ))}
          </ul>
        </div>
      )}
      <Facts data={data} />
      {writes && row.next && <NextMove key={row.step} data={data} />}
      {writes && <Others data={data} />}
      <Moves data={data} />
    </>
  );
}

function Facts({ data }: { data: HomeBed }): ReactNode {
  const { t } = useTranslation("homebeds");
  const { me } = useMe();
  const { row, plan, agreement } = data;
  const place = me?.permissions.includes("places_read");
  return (
    <dl className="facts">
      <dt>{t("home")}</dt>
      <dd>
        {row.home_id && place ? <Link to={`/operator/places/homes/${row.home_id}`}>{row.home_name}</Link> : (row.home_name ?? t("none"))}
        {row.home_id && <> · {t("fitting", { unfitted: data.unfitted, unchecked: data.unchecked })}</>}
      </dd>
      <dt>{t("level")}</dt>
      <dd>{data.level ?? t("none")}</dd>
      <dt>{t("plan")}</dt>
      <dd>{plan ? [...plan.services.map((one) => t(`service.${one}`)), plan.text].filter(Boolean).join("、") : t("none")}</dd>
      <dt>{t("agreement")}</dt>
      <dd>{agreement ? t("agreementOf", { ...agreement, until: agreement.valid_until ?? t("openEnd") }) : t("none")}</dd>
      <dt>{t("warranty")}</dt>
      <dd>{data.warranty_until ?? t("none")}</dd>
      <dt>{t("purchaser")}</dt>
      <dd>{row.purchaser || t("none")}</dd>
    </dl>
  );
}

function Others({ data }: { data: HomeBed }): ReactNode {
  const { t } = useTranslation("homebeds");
  const queryClient = useQueryClient();
  const others = data.allowed.filter((move): move is "step_back" | "end" => move === "step_back" || move === "end");
  const make = async (move: Move, reason: string) => {
    await beds.move(data.row.id, { move, reason });
    await queryClient.invalidateQueries({ queryKey: BED_KEYS.all });
  };
  return (
    <p>
      {others.map((move) => (
        <AskButton
          key={move}
          label={t(`move.${move}`)}
          questions={[{ name: "reason", label: t("reason"), required: true, multiline: true }]}
          onAnswer={({ reason }) => make(move, reason ?? "")}
        />
      ))}
    </p>
  );
}

function Moves({ data }: { data: HomeBed }): ReactNode {
  const { t } = useTranslation("homebeds");
  const word = useWord();
  const step = (key: string | null) => word(data.steps.find((one) => one.key === key));
  return (
    <DataTable
      title={t("moves")}
      rows={data.moves}
      rowKey={(one) => `${one.at} ${one.move}`}
      empty=""
      columns={[
        { title: t("when"), cell: (one) => dayAndClock(one.at) },
        { title: t("what"), cell: (one) => t(`move.${one.move}`) },
        { title: t("stepChange"), cell: (one) => `${step(one.step_before) || "—"} → ${step(one.step_after)}` },
        { title: t("who"), cell: (one) => one.by },
        { title: t("why"), cell: (one) => one.reason },
      ]}
    />
  );
}
