import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Waiting } from "../shared/caremap/calls";
import { DataTable } from "../shared/DataTable";

const KINDS = ["bed", "home", "task"] as const;
const DEPTH = { all: "", district: "· ", institution: "·· " };

/** How many wait, by city, district and house: masked, without a name. */
export function WaitingTable({ waiting, below }: { waiting: readonly Waiting[]; below: number }): ReactNode {
  const { t } = useTranslation("caremap");
  const nodes = waiting.filter(({ kind }) => kind === "bed");
  const said = (node: string, kind: Waiting["kind"]): string => {
    const found = waiting.find((one) => one.node === node && one.kind === kind);
    if (found?.masked) return t("waiting.masked");
    return found?.count === undefined || found.count === null ? t("waiting.unknown") : String(found.count);
  };
  return (
    <>
      <DataTable
        title={t("waiting.title")}
        rows={nodes}
        rowKey={({ node }) => node}
        empty={t("waiting.unknown")}
        columns={[
          { title: t("waiting.where"), cell: ({ level, name }) => `${DEPTH[level]}${name}` },
          ...KINDS.map((kind) => ({ title: t(`waiting.${kind}`), cell: ({ node }: Waiting) => said(node, kind) })),
        ]}
      />
      <p>{t("waiting.privacy", { below })}</p>
    </>
  );
}
