import "../../shared/ask.css";
import "./reach.css";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, client } from "../../api/client";
import type { components } from "../../api/schema";
import { explain } from "../../shared/explain";
import { ActionButton, TextField } from "../../shared/forms";
import { shortTime } from "../../shared/time";
import { ELDER_KEYS, type FamilyMember } from "./calls";

type Point = components["schemas"]["PointOut"];
type Invitation = components["schemas"]["InvitationOut"];

/** How a relative is told: by a login of their own, made by invitation, or on a way the house keeps. */
export function FamilyReach({ elderId, member }: { elderId: string; member: FamilyMember }): ReactNode {
  const { t } = useTranslation("elders");
  const [open, setOpen] = useState(false);
  return (
    <>
      <span>{member.username ?? t("reach.noLogin")}</span>{" "}
      <Button size="small" data-testid="family-reach" onClick={() => setOpen(true)}>
        {t("reach.button")}
      </Button>
      {open && <ReachDialog elderId={elderId} member={member} onClose={() => setOpen(false)} />}
    </>
  );
}

type DialogProps = { elderId: string; member: FamilyMember; onClose: () => void };

function ReachDialog({ elderId, member, onClose }: DialogProps): ReactNode {
  const { t } = useTranslation("elders");
  const { t: common } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const queryClient = useQueryClient();
  const path = { elder_id: elderId, family_member_id: member.id };
  const key = ELDER_KEYS.part(elderId, `reach-${member.id}`);
  const { data, failureReason: error } = useQuery({
    queryKey: key,
    queryFn: () =>
      answer(client.GET("/api/v1/elders/{elder_id}/family/{family_member_id}/contact-points", { params: { path } })),
  });
  const done = () => queryClient.invalidateQueries({ queryKey: key });
  return (
    <dialog ref={dialog} className="ask reach" aria-labelledby={titleId} onClose={onClose}>
      <h2 id={titleId}>{t("reach.title", { name: member.name })}</h2>
      {member.username === null && <Invite path={path} />}
      <h3>{t("reach.ways")}</h3>
      {error !== null && <p role="alert">{explain(common, error)}</p>}
      {data?.points.length === 0 && <p>{t("reach.none")}</p>}
      {data?.points.map((point) => <Way key={point.id} point={point} path={path} done={done} />)}
      <AddWay path={path} done={done} />
      <div className="ask-end">
        <Button onClick={onClose}>{common("common.close")}</Button>
      </div>
    </dialog>
  );
}

type Path = { elder_id: string; family_member_id: string };

function Invite({ path }: { path: Path }): ReactNode {
  const { t } = useTranslation("elders");
  const [made, setMade] = useState<Invitation | null>(null);
  return (
    <>
      <p>{t("reach.inviteText")}</p>
      <ActionButton
        label={t("reach.invite")}
        testId="family-invite"
        onPress={async () => {
          const url = "/api/v1/elders/{elder_id}/family/{family_member_id}/invitation";
          setMade(await answer(client.POST(url, { params: { path } })));
        }}
      />
      {made !== null && (
        <div role="status">
          <p>{t("reach.invited", { until: shortTime(made.expires_at) })}</p>
          <p className="reach-link" data-testid="family-link">{`${globalThis.location.origin}/invite#${made.code}`}</p>
          {made.qr_svg !== null && (
            <img className="reach-qr" alt={t("reach.qr")} src={`data:image/svg+xml;utf8,${encodeURIComponent(made.qr_svg)}`} />
          )}
        </div>
      )}
    </>
  );
}

function Way({ point, path, done }: { point: Point; path: Path; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("elders");
  const [code, setCode] = useState("");
  const params = { path: { ...path, family_point_id: point.id } };
  const base = "/api/v1/elders/{elder_id}/family/{family_member_id}/contact-points/{family_point_id}";
  const proved = point.verified_at !== null && point.dead_at === null;
  return (
    <div className="tools">
      <p data-testid="family-way" data-proved={proved}>
        {point.label} · {proved ? `✓ ${t("reach.good")}` : `⚠ ${t("reach.unproved")}`}
      </p>
      {!proved && (
        <>
          <TextField label={t("reach.code")} value={code} onChange={setCode} testId="family-code" />
          <ActionButton
            label={t("reach.verify")}
            testId="family-verify"
            onPress={async () => {
              await answer(client.POST(`${base}/verify`, { params, body: { code: code.trim() } }));
              await done();
            }}
          />
          <ActionButton
            label={t("reach.again")}
            onPress={async () => {
              await answer(client.POST(`${base}/code`, { params }));
            }}
          />
        </>
      )}
      <ActionButton
        label={t("reach.remove")}
        onPress={async () => {
          await answer(client.DELETE(base, { params }));
          await done();
        }}
      />
    </div>
  );
}

function AddWay({ path, done }: { path: Path; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("elders");
  const [label, setLabel] = useState("");
  const [address, setAddress] = useState("");
  return (
    <div className="tools">
      <TextField label={t("reach.label")} value={label} onChange={setLabel} testId="family-way-label" />
      <TextField label={t("reach.address")} value={address} onChange={setAddress} hint={t("reach.hint")} testId="family-way-address" />
      <ActionButton
        label={t("reach.add")}
        testId="family-way-add"
        onPress={async () => {
          const body = { label: label.trim(), address: address.trim() };
          const url = "/api/v1/elders/{elder_id}/family/{family_member_id}/contact-points";
          await answer(client.POST(url, { params: { path }, body }));
          setAddress("");
          await done();
        }}
      />
    </div>
  );
}
