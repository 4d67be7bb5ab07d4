import { useQuery, useQueryClient } from "@tanstack/react-query";
import Button from "antd/es/button";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { explain } from "../../shared/explain";
import type { FieldValue } from "../../shared/fieldWords";
import { CallForm, TextField } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { type RuleSet, type RuleSets, SERVICE_KEYS, services } from "./calls";
import { PreviewPart } from "./PreviewPart";
import { type Entry, type Service, typed } from "./rules";
import { ServiceEditor, type ServiceState } from "./ServiceEditor";

/** A draft, form by form: nothing of it holds before it is published. */
export function EditorPage(): ReactNode {
  const { t } = useTranslation("services");
  const { t: common } = useTranslation();
  const { setId } = useParams();
  const { data, failureReason } = useQuery({ queryKey: SERVICE_KEYS.sets, queryFn: services.sets });
  if (data === undefined) {
    return failureReason === null ? <Waiting /> : <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>;
  }
  const set = data.sets.find(({ id }) => id === setId);
  if (set?.published_at !== null || set.id === null) {
    return (
      <p>
        <Link to="/care/services/rules">{t("editor.back")}</Link>
      </p>
    );
  }
  return <Editor key={set.id} sets={data} set={set} id={set.id} />;
}

/** What the sets below say, nearest first wins. */
function baseOf(sets: RuleSets, set: RuleSet): Map<string, Service> {
  const chain: RuleSet[] = [];
  let key = set.extends;
  while (key !== null && chain.length < sets.sets.length) {
    const found = sets.sets.find((each) => each.key === key && (each.id === null || each.published_at !== null));
    if (found === undefined) break;
    chain.unshift(found);
    key = found.extends;
  }
  const base = new Map<string, Service>();
  for (const entry of chain.flatMap((each) => each.services as unknown as Entry[])) {
    if ("removed" in entry) base.delete(entry.key);
    else base.set(entry.key, entry);
  }
  return base;
}

type Props = { sets: RuleSets; set: RuleSet; id: string };

function Editor({ sets, set, id }: Props): ReactNode {
  const { t } = useTranslation("services");
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [title, setTitle] = useState(set.title);
  const [region, setRegion] = useState(set.region ?? "");
  const [own, setOwn] = useState<readonly Entry[]>(set.services as unknown as Entry[]);
  const [parameters, setParameters] = useState(
    Object.entries(set.parameters).map(([name, value]) => [name, value === null ? "" : String(value)] as const),
  );
  const [dirty, setDirty] = useState(false);
  const base = baseOf(sets, set);
  const change = (entries: readonly Entry[]) => {
    setOwn(entries);
    setDirty(true);
  };
  const touching = (set: (text: string) => void) => (text: string) => {
    set(text);
    setDirty(true);
  };
  const setParameter = (position: number, pair: readonly [string, string]) => {
    setParameters(parameters.with(position, pair));
    setDirty(true);
  };
  const put = (entry: Entry) => change([...own.filter(({ key }) => key !== entry.key), entry]);
  const drop = (key: string) => change(own.filter((each) => each.key !== key));
  const save = async () => {
    const given: [string, FieldValue | null][] = parameters
      .filter(([name]) => name !== "")
      .map(([name, value]) => [name, value === "" ? null : typed(value, true)]);
    await services.change(id, {
      title, region: region === "" ? null : region, extends: set.extends ?? "", services: [...own],
      parameters: Object.fromEntries(given), version: set.version,
    });
    setDirty(false);
    await queryClient.invalidateQueries({ queryKey: SERVICE_KEYS.sets });
  };
  const discard = async () => {
    await services.discard(id);
    await queryClient.invalidateQueries({ queryKey: SERVICE_KEYS.sets });
    void navigate("/care/services/rules");
  };
  const stateOf = (key: string): ServiceState => {
    const entry = own.find((each) => each.key === key);
    if (entry === undefined) return "asBase";
    if ("removed" in entry) return "removed";
    return base.has(key) ? "changed" : "own";
  };
  const keys = [...new Set([...base.keys(), ...own.map(({ key }) => key)])];
  return (
    <>
      <p>
        <Link to="/care/services/rules">{t("editor.back")}</Link>
      </p>
      <CallForm title={t("editor.title", { title: set.title })} submit={t("editor.save")} onSubmit={save} testId="rule-editor">
        <TextField label={t("rules.name")} value={title} onChange={touching(setTitle)} required />
        <TextField label={t("rules.region")} value={region} onChange={touching(setRegion)} />
      </CallForm>
      <section aria-labelledby="rule-parameters">
        <h2 id="rule-parameters">{t("editor.parameters")}</h2>
        <p>{t("editor.parametersHint")}</p>
        {parameters.map(([name, value], position) => (
          <div key={position} className="rule-row">
            <TextField
              label={t("editor.parameter")}
              value={name}
              onChange={(text) => setParameter(position, [text, value])}
            />
            <TextField
              label={t("editor.value")}
              value={value}
              onChange={(text) => setParameter(position, [name, text])}
            />
          </div>
        ))}
        <Button onClick={() => setParameters([...parameters, ["", ""]])}>{t("editor.addParameter")}</Button>
      </section>
      <section aria-labelledby="rule-services">
        <h2 id="rule-services">{t("editor.services")}</h2>
        <AddService taken={keys} add={put} />
        <ul className="rule-services">
          {keys.map((key) => {
            const entry = own.find((each) => each.key === key);
            const shown = entry !== undefined && !("removed" in entry) ? entry : base.get(key);
            return (
              shown && (
                <ServiceEditor key={key} service={shown} state={stateOf(key)} fields={sets.fields} put={put} drop={() => drop(key)} />
              )
            );
          })}
        </ul>
      </section>
      <PreviewPart id={id} version={set.version} dirty={dirty} />
      <p>
        <AskButton label={t("editor.discard")} title={t("editor.discardAsk")} onAnswer={discard} />
      </p>
    </>
  );
}

function AddService({ taken, add }: { taken: readonly string[]; add: (service: Service) => void }): ReactNode {
  const { t } = useTranslation("services");
  const make = ({ key = "", zh = "", en = "" }: Readonly<Record<string, string>>) => {
    if (!taken.includes(key)) {
      add({
        key, zh, en, category: "照护服务", target_zh: zh, hub_use: "information only", status: "unverified",
        eligibility: { all: [{ field: "age", op: ">=", value: 60 }] },
      });
    }
    return Promise.resolve();
  };
  return (
    <AskButton
      label={t("editor.addService")}
      testId="add-service"
      questions={[
        { name: "key", label: t("editor.key"), required: true },
        { name: "zh", label: t("editor.zh"), required: true },
        { name: "en", label: t("editor.en"), required: true },
      ]}
      onAnswer={make}
    />
  );
}
