import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { refusedHere } from "../../api/failure";
import { CARE_MAP_KEYS, careMap, type Profile, type Service } from "../../shared/caremap/calls";
import { useCareWords } from "../../shared/caremap/words";
import { Fetching } from "../../shared/Fetching";
import { CallForm, ChecksField, TextField } from "../../shared/forms";
import { exactTime } from "../../shared/time";

/** What the house says of itself; the manager changes it. Beds are counted, not typed. */
export function ProfilePage(): ReactNode {
  const { t } = useTranslation("caremap");
  const { data, failureReason } = useQuery({ queryKey: CARE_MAP_KEYS.profile, queryFn: careMap.profile });
  const services = data?.catalogue ?? [];
  const words = useCareWords(services);
  if (data === undefined)
    return <Fetching of={{ data, failureReason }} failed={(why) => t("failed", { why })} />;
  return (
    <>
      <section aria-labelledby="own-beds">
        <h2 id="own-beds">{t("profile.now")}</h2>
        {data.beds.length === 0 && <p className="data-empty">{t("noBeds")}</p>}
        <ul className="house-beds">
          {data.beds.map((one) => (
            <li key={one.kind} data-free={(one.free ?? 0) > 0}>
              {words.beds(one)}
            </li>
          ))}
        </ul>
      </section>
      <p>
        {data.updated_at === null
          ? t("profile.never")
          : t("profile.last", { name: data.updated_by, time: exactTime(data.updated_at) })}
        {data.version > 0 && !data.published && <> · {t("notPublished")}</>}
      </p>
      {data.may_change ? (
        <Edit profile={data} services={services} />
      ) : (
        <ReadOnly profile={data} services={services} />
      )}
    </>
  );
}

function ReadOnly({ profile, services }: { profile: Profile; services: readonly Service[] }): ReactNode {
  const { t } = useTranslation("caremap");
  const words = useCareWords(services);
  return (
    <section aria-labelledby="own-entry">
      <h2 id="own-entry">{t("profile.title")}</h2>
      <p>{t("profile.readOnly")}</p>
      <dl className="facts">
        <dt>{t("profile.address")}</dt>
        <dd>{profile.address}</dd>
        <dt>{t("profile.phone")}</dt>
        <dd>{profile.phone}</dd>
        <dt>{t("profile.services")}</dt>
        <dd>{profile.services.length === 0 ? t("noServices") : words.list(profile.services.map(words.service))}</dd>
        <dt>{t("profile.note")}</dt>
        <dd>{profile.note}</dd>
      </dl>
    </section>
  );
}

function Edit({ profile, services }: { profile: Profile; services: readonly Service[] }): ReactNode {
  const { t } = useTranslation("caremap");
  const words = useCareWords(services);
  const queryClient = useQueryClient();
  const [address, setAddress] = useState(profile.address);
  const [phone, setPhone] = useState(profile.phone);
  const [lat, setLat] = useState(profile.place?.lat.toString() ?? "");
  const [lon, setLon] = useState(profile.place?.lon.toString() ?? "");
  const [offered, setOffered] = useState(profile.services);
  const [capacity, setCapacity] = useState(profile.home_bed_capacity?.toString() ?? "");
  const [note, setNote] = useState(profile.note);
  const [published, setPublished] = useState(profile.published);
  const send = async () => {
    if ((lat === "") !== (lon === "")) throw refusedHere(t("profile.badPlace"));
    await careMap.setProfile({
      address, phone, note, published, services: offered, version: profile.version,
      place: lat === "" ? null : { lat: Number(lat), lon: Number(lon) },
      home_bed_capacity: capacity === "" ? null : Number(capacity),
    });
    await queryClient.invalidateQueries({ queryKey: CARE_MAP_KEYS.map });
  };
  return (
    <CallForm title={t("profile.title")} submit={t("profile.save")} onSubmit={send} testId="care-map-profile">
      <p className="need-hint">{t("profile.hint")}</p>
      <TextField label={t("profile.address")} value={address} onChange={setAddress} testId="profile-address" />
      <TextField label={t("profile.phone")} type="tel" value={phone} onChange={setPhone} />
      <TextField label={t("profile.lat")} type="number" value={lat} onChange={setLat} testId="profile-lat" />
      <TextField label={t("profile.lon")} type="number" value={lon} onChange={setLon} />
      <TextField label={t("profile.capacity")} type="number" value={capacity} onChange={setCapacity} />
      <TextField label={t("profile.note")} value={note} onChange={setNote} multiline />
      <ChecksField
        label={t("profile.services")}
        value={offered}
        onChange={setOffered}
        options={services.filter(({ of }) => of.includes("house")).map(({ key }) => ({ value: key, label: words.service(key) }))}
      />
      <ChecksField
        label={t("profile.publish")}
        value={published ? ["published"] : []}
        onChange={(value) => setPublished(value.length > 0)}
        options={[{ value: "published", label: t("profile.published") }]}
      />
    </CallForm>
  );
}
