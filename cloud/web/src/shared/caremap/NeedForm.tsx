import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { refusedHere } from "../../api/failure";
import { CallForm, ChecksField, SelectField, TextField } from "../forms";
import type { Place } from "../map/map";
import type { House, NeedKind, Service } from "./calls";
import { type NeedFields, type useNeed } from "./useNeed";
import { useCareWords } from "./words";

type Props = ReturnType<typeof useNeed> & {
  title: string;
  hint: string;
  kinds: readonly NeedKind[];
  services: readonly Service[];
  houses: readonly House[];
  /** Words for "any kind"; without: a kind has to be chosen. */
  any?: string;
  /** Whether the elder's own place may be what distances are from. */
  ofElder?: boolean;
  onMatch: (asked: { kind: NeedKind; place: Place | null; within_km: number; needs: string[]; wishes: string[] }) => Promise<void>;
};

/** What is looked for, from where, how far, with what. Wrong figures are named before anything is asked. */
export function NeedForm(props: Props): ReactNode {
  const { need, place, within, change, services, houses } = props;
  const { t } = useTranslation("caremap");
  const words = useCareWords(services);
  const of = need.kind === "responder" ? "responder" : "house";
  const offered = services.filter((one) => one.of.includes(of)).map(({ key }) => ({ value: key, label: words.service(key) }));
  const known = (keys: readonly string[]) => keys.filter((key) => offered.some(({ value }) => value === key));
  const send = async () => {
    if (need.kind === "") throw refusedHere(t("form.chooseKind"));
    if (need.from === "given" && place === undefined) throw refusedHere(t("form.badPlace"));
    if (within === undefined) throw refusedHere(t("form.badWithin"));
    await props.onMatch({
      kind: need.kind, place: place ?? null, within_km: within, needs: known(need.needs), wishes: known(need.wishes),
    });
  };
  const placed = houses.filter((house) => house.place !== null);
  return (
    <CallForm title={props.title} submit={t("form.send")} done={t("form.below")} onSubmit={send} testId="need-form">
      {props.hint !== "" && <p className="need-hint">{props.hint}</p>}
      <SelectField
        label={t("form.kind")}
        value={need.kind}
        onChange={(kind) => change({ kind: kind as NeedFields["kind"] })}
        testId="need-kind"
        options={[
          { value: "", label: props.any ?? t("form.chooseKind") },
          ...props.kinds.map((value) => ({ value, label: words.kind(value) })),
        ]}
      />
      <SelectField
        label={t("form.from")}
        value={need.from}
        onChange={(from) => change({ from })}
        testId="need-from"
        options={[
          ...(props.ofElder ? [{ value: "elder", label: t("form.fromElder") }] : []),
          { value: "", label: t("form.fromNone") },
          { value: "given", label: t("form.fromGiven") },
          ...placed.map(({ id, name }) => ({ value: id, label: name })),
        ]}
      />
      {need.from === "given" && (
        <>
          <TextField label={t("form.lat")} type="number" value={need.lat} onChange={(lat) => change({ lat })} testId="need-lat" />
          <TextField label={t("form.lon")} type="number" value={need.lon} onChange={(lon) => change({ lon })} testId="need-lon" />
        </>
      )}
      <TextField label={t("form.within")} type="number" value={need.within} onChange={(value) => change({ within: value })} testId="need-within" />
      <ChecksField label={t("form.needs")} value={need.needs} onChange={(needs) => change({ needs })} options={offered} />
      <ChecksField label={t("form.wishes")} value={need.wishes} onChange={(wishes) => change({ wishes })} options={offered} />
    </CallForm>
  );
}
