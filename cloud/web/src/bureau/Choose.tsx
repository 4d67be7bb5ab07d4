import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";

import type { BureauNode } from "./api";
import { useNodeName } from "./words";

type Props = {
  months: readonly string[];
  month: string;
  nodes: readonly BureauNode[];
  node: string;
  show: (changes: Record<string, string>) => void;
};

/** Which month, and of whom. */
export function Choose({ months, month, nodes, node, show }: Props): ReactNode {
  const { t } = useTranslation("bureau");
  const nameOf = useNodeName();
  const id = useId();
  return (
    <p className="bureau-choose">
      <label htmlFor={`${id}m`}>{t("month")}</label>
      <select
        id={`${id}m`}
        value={month}
        onChange={(event) => {
          show({ month: event.target.value });
        }}
      >
        {[...new Set([month, ...months])].map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <label htmlFor={`${id}n`}>{t("where")}</label>
      <select
        id={`${id}n`}
        value={node}
        onChange={(event) => {
          show({ node: event.target.value });
        }}
      >
        {nodes.map((each) => (
          <option key={each.key} value={each.key}>
            {{ all: "", district: "· ", institution: "·· " }[each.level]}
            {nameOf(each)}
          </option>
        ))}
      </select>
    </p>
  );
}
