import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Me } from "../api/types";
import { AskButton } from "../shared/AskButton";
import { DataTable } from "../shared/DataTable";
import { explain } from "../shared/explain";
import { ActionButton, CallForm, ChecksField, SelectField, TextField } from "../shared/forms";
import { browserName, PushFailure, pushObstacle, subscribe } from "../shared/push";
import { accountApi, type Point } from "./api";

const KEY = ["contact-points"] as const;
const KINDS = ["wecombot", "dingtalk", "feishu", "bark", "other"] as const;
type Kind = (typeof KINDS)[number];

/** On which ways one is told, in their order; each is proved before it is used. */
export function ReachPart({ me }: { me: Me }): ReactNode {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation();
  const queryClient = useQueryClient();
  const { data, failureReason: error } = useQuery({ queryKey: KEY, queryFn: accountApi.points });
  const done = () => queryClient.invalidateQueries({ queryKey: KEY });
  return (
    <div data-testid="reach">
      {error !== null && <p role="alert">{t("wrong", { why: explain(common, error) })}</p>}
      <DataTable
        title={t("reach.title")}
        rows={data?.points ?? []}
        rowKey={(row) => row.id}
        empty={data === undefined ? common("common.loading") : t("reach.none")}
        columns={[
          { title: t("reach.way"), cell: (row) => `${row.label}（${t(`reach.channel.${row.channel}`)}）` },
          { title: t("reach.state"), cell: (row) => <PointState point={row} /> },
          { title: t("reach.actions"), cell: (row) => <PointActions point={row} done={done} /> },
        ]}
      />
      <p>{t("reach.text")}</p>
      {data !== undefined && <PushButton pushKey={data.push_key} done={done} />}
      <AddPoint mayTest={me.permissions.includes("drills_run")} done={done} />
    </div>
  );
}

function PointState({ point }: { point: Point }): ReactNode {
  const { t } = useTranslation("account");
  const state = point.dead_at !== null ? "dead" : point.verified_at === null ? "unproved" : "good";
  return (
    <span className="reach-state" data-state={state} data-testid="point-state">
      {t(`reach.${state}`)}
      {point.is_test && ` · ${t("reach.isTest")}`}
    </span>
  );
}

type PartProps = { point: Point; done: () => Promise<void> };

function PointActions({ point, done }: PartProps): ReactNode {
  const { t } = useTranslation("account");
  const [code, setCode] = useState("");
  const [sent, setSent] = useState(false);
  const proved = point.verified_at !== null && point.dead_at === null;
  const send = async (call: (id: string) => Promise<Point>) => {
    await call(point.id);
    setSent(true);
  };
  return (
    <div className="reach-actions">
      {!proved && point.dead_at === null && (
        <>
          <TextField label={t("reach.code")} value={code} onChange={setCode} testId="point-code" />
          <ActionButton
            label={t("reach.verify")}
            testId="point-verify"
            onPress={async () => {
              await accountApi.verifyPoint(point.id, code.trim());
              await done();
            }}
          />
          <ActionButton label={t("reach.again")} onPress={() => send(accountApi.sendCode)} />
        </>
      )}
      {proved && (
        <ActionButton label={t("reach.test")} testId="point-test" onPress={() => send(accountApi.testPoint)} />
      )}
      <AskButton
        label={t("reach.remove")}
        title={t("reach.removeAsk", { label: point.label })}
        onAnswer={async () => {
          await accountApi.removePoint(point.id);
          await done();
        }}
      />
      <span role="status">{sent && t("reach.sent")}</span>
    </div>
  );
}

function PushButton({ pushKey, done }: { pushKey: string; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("account");
  const { t: common } = useTranslation();
  const [obstacle, setObstacle] = useState(pushObstacle);
  const [said, setSaid] = useState<{ good: boolean; text: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    setSaid(null);
    try {
      const address = await subscribe(pushKey);
      await accountApi.addPoint({ channel: "webpush", label: browserName(), address, is_test: false });
      await done();
      setSaid({ good: true, text: t("reach.pushDone") });
    } catch (problem) {
      setObstacle(pushObstacle());
      const service = problem instanceof PushFailure;
      const text = service ? t(problem.kind === "denied" ? "reach.obstacle.denied" : "reach.pushService") : explain(common, problem);
      setSaid({ good: false, text });
    } finally {
      setBusy(false);
    }
  };
  if (obstacle !== null) return <p className="warn">{t(`reach.obstacle.${obstacle}`)}</p>;
  return (
    <p>
      <Button type="primary" loading={busy} data-testid="push-subscribe" onClick={() => void start()}>
        {t("reach.push")}
      </Button>{" "}
      {said !== null && (
        <span role={said.good ? "status" : "alert"} data-testid="push-said" data-good={said.good}>
          {said.text}
        </span>
      )}
    </p>
  );
}

function AddPoint({ mayTest, done }: { mayTest: boolean; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("account");
  const [kind, setKind] = useState<Kind>("wecombot");
  const [address, setAddress] = useState("");
  const [label, setLabel] = useState("");
  const [marks, setMarks] = useState<string[]>([]);
  const add = async () => {
    const plain = address.trim();
    const whole = kind === "other" || plain.includes("://") ? plain : `${kind}://${plain}`;
    const named = label.trim() || t(`reach.kinds.${kind}`);
    await accountApi.addPoint({ channel: "apprise", label: named, address: whole, is_test: marks.length > 0 });
    setAddress("");
    await done();
  };
  const what = kind === "other" ? t("reach.address") : kind === "bark" ? t("reach.barkKey") : t("reach.secret");
  return (
    <CallForm title={t("reach.add")} submit={t("reach.add")} onSubmit={add} testId="add-point">
      <SelectField
        label={t("reach.kind")}
        value={kind}
        onChange={(value) => setKind(value as Kind)}
        testId="point-kind"
        options={KINDS.map((value) => ({ value, label: t(`reach.kinds.${value}`) }))}
      />
      <TextField
        label={what}
        value={address}
        onChange={setAddress}
        required
        testId="point-address"
        {...(kind === "other" && { hint: t("reach.addressHint") })}
      />
      <TextField label={t("reach.label")} value={label} onChange={setLabel} testId="point-label" />
      {mayTest && (
        <ChecksField
          label={t("reach.isTest")}
          value={marks}
          onChange={setMarks}
          options={[{ value: "test", label: t("reach.testOnly") }]}
        />
      )}
    </CallForm>
  );
}
