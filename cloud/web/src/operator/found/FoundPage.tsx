import "./found.css";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Modal } from "antd";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { clockTime } from "../../shared/time";
import { Waiting } from "../../shared/Waiting";
import { AcceptForm } from "./AcceptForm";
import { type Found, found, FOUND_KEY } from "./calls";
import { measured, signal } from "./words";

// Whoever stands beside the device wants to see it move.
const REFRESH_MS = 3_000;

/** Devices that gateways hear and nobody has accepted: take them in, or ignore them. */
export default function FoundPage(): ReactNode {
  const { t } = useTranslation("operator");
  const { t: common } = useTranslation();
  const [ignored, setIgnored] = useState(false);
  const [chosen, setChosen] = useState<Found | null>(null);
  const queries = useQueryClient();
  const { data, failureReason } = useQuery({
    queryKey: [...FOUND_KEY, ignored],
    queryFn: () => found.list(ignored),
    refetchInterval: REFRESH_MS,
  });
  const reload = () => queries.invalidateQueries({ queryKey: FOUND_KEY });
  const ignoring = useMutation({
    mutationFn: (id: string) => (ignored ? found.unignore(id) : found.ignore(id)),
    onSettled: reload,
  });
  const failed = failureReason ?? ignoring.error;
  return (
    <>
      {failed !== null && (
        <p role="alert" className="banner">
          {t("found.failed", { why: explain(common, failed) })}
        </p>
      )}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && (
        <>
          <p className="found-hint">{t("found.hint")}</p>
          <Button onClick={() => { setIgnored(!ignored); }}>
            {ignored ? t("found.showNew") : t("found.showIgnored", { count: data.ignored })}
          </Button>
          <DataTable
            title={ignored ? t("found.ignoredTitle") : t("found.title")}
            rows={data.devices}
            rowKey={({ id }) => id}
            empty={t(ignored ? "found.noneIgnored" : "found.none")}
            columns={[
              {
                title: t("found.device"),
                cell: (one) => (
                  <>
                    {[one.vendor, one.model].filter(Boolean).join(" ") || one.name || one.format}
                    <small className="found-id">{one.name || one.description} {one.id}</small>
                  </>
                ),
              },
              { title: t("found.measures"), cell: (one) => measured(t, one) },
              { title: t("found.signal"), cell: (one) => signal(t, one) },
              {
                title: t("found.lastHeard"),
                cell: (one) => clockTime(Date.parse(one.last_heard_at)),
              },
              {
                title: t("found.action"),
                cell: (one) => (
                  <span className="found-actions">
                    <Button type="primary" onClick={() => { setChosen(one); }}>
                      {t("found.accept")}
                    </Button>
                    <Button loading={ignoring.isPending} onClick={() => { ignoring.mutate(one.id); }}>
                      {ignored ? t("found.unignore") : t("found.ignore")}
                    </Button>
                  </span>
                ),
              },
            ]}
          />
        </>
      )}
      <Modal
        open={chosen !== null}
        title={t("found.acceptTitle")}
        footer={null}
        destroyOnHidden
        onCancel={() => { setChosen(null); }}
      >
        {chosen !== null && (
          <AcceptForm
            device={chosen}
            onDone={() => {
              setChosen(null);
              void reload();
            }}
          />
        )}
      </Modal>
    </>
  );
}
