import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { ActionButton, CallForm, TextField } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { type Home, house, HOUSE_KEYS } from "./calls";

/** A home: way in, kit list, fitting checklist with photos, acceptance. */
export default function HomePage(): ReactNode {
  const { t } = useTranslation("house");
  const { t: common, i18n } = useTranslation();
  const { homeId = "" } = useParams();
  const queryClient = useQueryClient();
  const { data, failureReason } = useQuery({
    queryKey: HOUSE_KEYS.home(homeId),
    queryFn: () => house.home(homeId),
  });
  const done = async () => {
    await queryClient.invalidateQueries({ queryKey: HOUSE_KEYS.home(homeId) });
    await queryClient.invalidateQueries({ queryKey: HOUSE_KEYS.places });
  };
  const words = (row: { kind_zh: string; kind_en: string }) => (i18n.language === "en" ? row.kind_en : row.kind_zh);
  const point = (row: { text_zh: string; text_en: string }) => (i18n.language === "en" ? row.text_en : row.text_zh);
  if (failureReason !== null) return <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  if (data === undefined) return <Waiting />;
  return (
    <>
      <p>
        <Link to="/operator/places">{t("back")}</Link>
      </p>
      <h2>{data.name}</h2>
      <dl className="facts">
        <dt>{t("state")}</dt>
        <dd>{t(`homeState.${data.state}`)}</dd>
        <dt>{t("address")}</dt>
        <dd>{data.address || t("none")}</dd>
        <dt>{t("entry")}</dt>
        <dd>{data.entry || t("none")}</dd>
        <dt>{t("warranty")}</dt>
        <dd>{data.warranty_until ?? t("none")}</dd>
      </dl>
      <DataTable
        title={t("kit")}
        rows={data.kit}
        rowKey={({ id }) => id}
        empty={t("none")}
        columns={[
          { title: t("type"), cell: words },
          { title: t("spot"), cell: ({ spot }) => spot },
          { title: t("deviceId"), cell: ({ device_id }) => device_id ?? "" },
          { title: t("state"), cell: ({ fitted_at }) => (fitted_at === null ? t("notFitted") : t("fitted")) },
          {
            title: t("actions"),
            cell: (item) =>
              item.fitted_at === null && (
                <AskButton
                  label={t("markFitted")}
                  title={`${t("markFitted")}：${words(item)}`}
                  questions={[
                    { name: "spot", label: t("spot"), initial: item.spot, required: true },
                    { name: "device", label: t("deviceId"), initial: item.device_id ?? "" },
                  ]}
                  onAnswer={async ({ spot = "", device = "" }) => {
                    await house.fit(data, item, spot, device || null).then(done);
                  }}
                />
              ),
          },
        ]}
      />
      <DataTable
        title={t("checklist")}
        rows={data.checks}
        rowKey={({ id }) => id}
        empty={t("none")}
        columns={[
          { title: t("name"), cell: point },
          {
            title: t("state"),
            cell: (row) => (row.done_at === null ? t("undone") : `${t("done")} ${row.done_by ?? ""}`),
          },
          { title: t("photo"), cell: (row) => <Photos home={data} check={row} done={done} /> },
          {
            title: t("actions"),
            cell: (row) => (
              <ActionButton
                label={row.done_at === null ? t("markDone") : t("markUndone")}
                onPress={async () => {
                  await house.check(data, row, row.done_at === null).then(done);
                }}
              />
            ),
          },
        ]}
      />
      <Acceptance home={data} done={done} />
    </>
  );
}

type PhotosProps = { home: Home; check: Home["checks"][number]; done: () => Promise<void> };

function Photos({ home, check, done }: PhotosProps): ReactNode {
  const { t } = useTranslation("house");
  const { t: common } = useTranslation();
  const [failure, setFailure] = useState<string | null>(null);
  const send = async (file: File | undefined) => {
    if (file === undefined) return;
    setFailure(null);
    try {
      await house.checkPhoto(home, check, file).then(done);
    } catch (problem) {
      setFailure(explain(common, problem));
    }
  };
  return (
    <>
      {check.photos.length > 0 && <span>{t("photos", { count: check.photos.length })} </span>}
      <input
        type="file"
        accept="image/jpeg,image/png,image/webp"
        capture="environment"
        aria-label={`${t("photo")} ${check.code}`}
        onChange={(event) => void send(event.target.files?.[0])}
      />
      {failure !== null && <span role="alert">{failure}</span>}
    </>
  );
}

function Acceptance({ home, done }: { home: Home; done: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("house");
  const [by, setBy] = useState("");
  const [until, setUntil] = useState("");
  if (home.accepted_at !== null)
    return <p>{t("accepted", { by: home.accepted_by ?? "", date: home.accepted_at.slice(0, 10) })}</p>;
  return (
    <CallForm
      title={t("accept")}
      submit={t("accept")}
      onSubmit={async () => {
        await house.accept(home, by, until).then(done);
      }}
    >
      <TextField label={t("acceptedBy")} value={by} onChange={setBy} required />
      <TextField label={t("warranty")} value={until} onChange={setUntil} type="date" required />
    </CallForm>
  );
}
