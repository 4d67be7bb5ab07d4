import Button from "antd/es/button";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { conditionWords, fieldWord, type Wanted } from "../../shared/fieldWords";
import { SelectField, TextField } from "../../shared/forms";
import type { RuleSets } from "./calls";
import { type Comparison, conditionOf, type Entry, type Groups, groupsOf, type Service, typed } from "./rules";

export type ServiceState = "asBase" | "changed" | "removed" | "own";

const OPS = ["=", "!=", ">=", "<=", "in"] as const;
const CATEGORIES = ["物质帮助", "照护服务", "关爱服务"] as const;
type Fields = RuleSets["fields"];

type Props = {
  service: Service;
  state: ServiceState;
  fields: Fields;
  put: (entry: Entry) => void;
  drop: () => void;
};

/** One service: as below, changed, removed, or added here. */
export function ServiceEditor({ service, state, fields, put, drop }: Props): ReactNode {
  const { t } = useTranslation("services");
  const edited = state === "changed" || state === "own";
  return (
    <li className="rule-service" data-state={state} data-testid={`service-${service.key}`}>
      <h3>
        {service.zh} <small>{t(`editor.${state}`)}</small>
      </h3>
      {!edited && <Readable service={service} />}
      {edited && <Form service={service} fields={fields} put={put} />}
      <p>
        {state === "asBase" && <Button onClick={() => put(service)}>{t("editor.change")}</Button>}{" "}
        {(state === "asBase" || state === "changed") && (
          <Button onClick={() => put({ key: service.key, removed: true })}>{t("editor.remove")}</Button>
        )}{" "}
        {state !== "asBase" && <Button onClick={drop}>{t(state === "own" ? "editor.remove" : "editor.restore")}</Button>}
      </p>
    </li>
  );
}

function Readable({ service }: { service: Service }): ReactNode {
  const { t } = useTranslation("services");
  const { t: words } = useTranslation("fields");
  const groups = groupsOf(service.eligibility);
  return (
    <>
      <p>{service.target_zh}</p>
      <p>
        {groups === null
          ? t("editor.deep")
          : groups
              .map((group) => group.map(({ field, op, value }) => conditionWords(words, field, op, value)).join(words("or")))
              .join("；")}
      </p>
    </>
  );
}

function Form({ service, fields, put }: Pick<Props, "service" | "fields" | "put">): ReactNode {
  const { t } = useTranslation("services");
  const set = (changes: Partial<Service>) => put({ ...service, ...changes });
  const groups = groupsOf(service.eligibility);
  return (
    <>
      <div className="rule-row">
        <TextField label={t("editor.zh")} value={service.zh} onChange={(zh) => set({ zh })} />
        <TextField label={t("editor.en")} value={service.en} onChange={(en) => set({ en })} />
        <SelectField
          label={t("editor.category")}
          value={service.category}
          onChange={(category) => set({ category })}
          options={CATEGORIES.map((value) => ({ value, label: value }))}
        />
        <TextField label={t("editor.target")} value={service.target_zh} onChange={(target_zh) => set({ target_zh })} />
        <TextField
          label={t("editor.excludes")}
          value={(service.excludes ?? []).join("，")}
          onChange={(text) => set({ excludes: text.split(/[,，]/).map((each) => each.trim()).filter(Boolean) })}
        />
      </div>
      <h4>{t("editor.conditions")}</h4>
      {groups === null ? (
        <p>{t("editor.deep")}</p>
      ) : (
        <GroupRows groups={groups} fields={fields} change={(next) => set({ eligibility: conditionOf(next) })} />
      )}
    </>
  );
}

type GroupProps = { groups: Groups; fields: Fields; change: (groups: Groups) => void };
const FRESH: Comparison = { field: "age", op: ">=", value: 60 };

function GroupRows({ groups, fields, change }: GroupProps): ReactNode {
  const { t } = useTranslation("services");
  const withGroup = (position: number, group: readonly Comparison[]) =>
    change(groups.with(position, group).filter((each) => each.length > 0));
  return (
    <>
      <p>{t("editor.groupHint")}</p>
      {groups.map((group, position) => (
        <fieldset key={position} className="rule-group">
          <legend>{t("editor.group", { number: position + 1 })}</legend>
          {group.map((row, line) => (
            <Row
              key={line}
              row={row}
              fields={fields}
              change={(next) => withGroup(position, group.with(line, next))}
              remove={() => withGroup(position, group.toSpliced(line, 1))}
            />
          ))}
          <Button onClick={() => withGroup(position, [...group, FRESH])}>{t("editor.addRow")}</Button>
        </fieldset>
      ))}
      <Button onClick={() => change([...groups, [FRESH]])}>{t("editor.addGroup")}</Button>
    </>
  );
}

type RowProps = { row: Comparison; fields: Fields; change: (row: Comparison) => void; remove: () => void };

/** As text: values with commas, a parameter in brackets. */
function shown(wanted: Wanted): string {
  if (wanted === null) return "";
  if (typeof wanted !== "object") return String(wanted);
  return "parameter" in wanted ? `[${wanted.parameter}]` : wanted.join("，");
}

function read(text: string, op: string, numeric: boolean): Wanted {
  if (text.trim().startsWith("[")) return { parameter: text.replace(/[[\]\s]/g, "") };
  const values = text.split(/[,，]/).map((each) => typed(each.trim(), numeric));
  return op === "in" ? values : (values[0] ?? "");
}

function Row({ row, fields, change, remove }: RowProps): ReactNode {
  const { t } = useTranslation("services");
  const { t: words } = useTranslation("fields");
  const field = fields.find(({ name }) => name === row.field);
  const numeric = field?.kind === "number";
  const values = field?.values ?? [];
  return (
    <div className="rule-row">
      <SelectField
        label={t("editor.field")}
        value={row.field}
        onChange={(name) => change({ ...row, field: name })}
        options={fields.map(({ name }) => ({ value: name, label: fieldWord(words, name) }))}
      />
      <SelectField
        label={t("editor.op")}
        value={row.op}
        onChange={(op) => change({ ...row, op, value: read(shown(row.value), op, numeric) })}
        options={OPS.map((value) => ({ value, label: t(`editor.ops.${value}`) }))}
      />
      <TextField
        label={t("editor.wanted")}
        value={shown(row.value)}
        hint={[t("editor.wantedHint"), values.filter((each) => each !== "unknown").join(" / ")].filter(Boolean).join("；")}
        onChange={(text) => change({ ...row, value: read(text, row.op, numeric) })}
      />
      <Button onClick={remove}>{t("editor.removeRow")}</Button>
    </div>
  );
}
