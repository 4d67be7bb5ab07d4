import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { exactTime } from "../time";
import type { House, Service } from "./calls";
import { useCareWords } from "./words";

type Props = { house: House; services: readonly Service[]; number: number; km: number | undefined };

/** One house in words: where, what, how many beds, and how old these figures are. */
export function HouseCard({ house, services, number, km }: Props): ReactNode {
  const { t } = useTranslation("caremap");
  const words = useCareWords(services);
  const old = house.counted_at === null ? t("staleNever") : t("stale", { time: exactTime(house.counted_at) });
  return (
    <li className="house-card">
      <h3>
        <span className="match-number">{number}</span>
        {house.name} <small>{house.own ? t("own") : house.district_name}</small>
      </h3>
      {!house.published && <p className="house-old">{t("notPublished")}</p>}
      <p>
        {house.address}
        {house.place === null && <> · {t("noPlace")}</>}
        {km !== undefined && <> · {t("km", { km: km.toFixed(1) })}</>}
        {house.phone !== "" && <> · <a href={`tel:${house.phone.replace(/[^+\d]/g, "")}`}>{house.phone}</a></>}
      </p>
      {house.beds.length === 0 && <p>{t("noBeds")}</p>}
      <ul className="house-beds" aria-label={t("beds")}>
        {house.beds.map((one) => (
          <li key={one.kind} data-free={!house.stale && (one.free ?? 0) > 0}>
            {words.beds(one)}
          </li>
        ))}
      </ul>
      <p>
        {t("services")}: {house.services.length === 0 ? t("noServices") : words.list(house.services.map(words.service))}
      </p>
      {house.note !== "" && <p>{house.note}</p>}
      {house.stale ? (
        <p className="house-old">{old}</p>
      ) : (
        house.counted_at !== null && <p className="house-counted">{t("counted", { time: exactTime(house.counted_at) })}</p>
      )}
    </li>
  );
}
