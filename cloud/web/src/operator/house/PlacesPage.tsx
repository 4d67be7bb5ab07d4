import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, Route, Routes } from "react-router";

import { AskButton } from "../../shared/AskButton";
import { DataTable } from "../../shared/DataTable";
import { explain } from "../../shared/explain";
import { ActionButton, CallForm, SelectField, TextField } from "../../shared/forms";
import { Waiting } from "../../shared/Waiting";
import { type BedKind, house, HOUSE_KEYS, type PlaceTree } from "./calls";
import HomePage from "./HomePage";

type Kind = "building" | "unit" | "room" | "bed" | "home";
const KINDS: readonly Kind[] = ["unit", "room", "bed", "home", "building"];
const BED_KINDS: readonly BedKind[] = ["general", "nursing", "dementia", "short_stay", "home"];

/** Units, rooms and beds, and the homes that are served like beds. */
export default function PlacesPage(): ReactNode {
  return (
    <Routes>
      <Route path="homes/:homeId" element={<HomePage />} />
      <Route path="*" element={<PlaceList />} />
    </Routes>
  );
}

function PlaceList(): ReactNode {
  const { t } = useTranslation("house");
  const { t: common } = useTranslation();
  const { data, failureReason } = useQuery({ queryKey: HOUSE_KEYS.places, queryFn: house.places });
  return (
    <>
      {failureReason !== null && <p role="alert">{t("failed", { why: explain(common, failureReason) })}</p>}
      {data === undefined && failureReason === null && <Waiting />}
      {data !== undefined && (
        <>
          <p>{t("counts", data.counts)}</p>
          <AddPlace tree={data} />
          {data.units.length === 0 && <p className="data-empty">{t("noPlaces")}</p>}
          {data.units.map((unit) => (
            <UnitTable key={unit.id} unit={unit} />
          ))}
          <HomeTable homes={data.homes} />
        </>
      )}
    </>
  );
}

function UnitTable({ unit }: { unit: PlaceTree["units"][number] }): ReactNode {
  const { t } = useTranslation("house");
  const queryClient = useQueryClient();
  const done = async () => {
    await queryClient.invalidateQueries({ queryKey: HOUSE_KEYS.places });
  };
  const rows = unit.rooms.flatMap((room) => room.beds.map((bed) => ({ room, bed })));
  return (
    <>
    <DataTable
      title={unit.name}
      rows={rows}
      rowKey={({ bed }) => bed.id}
      empty={t("noPlaces")}
      columns={[
        { title: t("room"), cell: ({ room }) => room.name },
        { title: t("bed"), cell: ({ bed }) => bed.name },
        { title: t("type"), cell: ({ bed }) => t(`bedKind.${bed.kind}`) },
        {
          title: t("who"),
          cell: ({ bed }) => bed.resident?.name ?? t(`occupancy.${bed.occupancy}`),
        },
        {
          title: t("actions"),
          cell: ({ room, bed }) => (
            <>
              <Rename
                name={bed.name}
                what={`${room.name}-${bed.name}`}
                onName={async (name) => {
                  await house.changeBed(bed, room.id, { name }).then(done);
                }}
              />
              {bed.resident === null && (
                <>
                  <ActionButton
                    label={bed.state === "out_of_use" ? t("backInUse") : t("outOfUse")}
                    onPress={async () => {
                      const state = bed.state === "out_of_use" ? "available" : "out_of_use";
                      await house.changeBed(bed, room.id, { state }).then(done);
                    }}
                  />
                  <Close
                    what={`${room.name}-${bed.name}`}
                    onClose={async () => {
                      await house.closeBed(bed).then(done);
                    }}
                  />
                </>
              )}
            </>
          ),
        },
      ]}
    />
    <Manage unit={unit} done={done} />
    </>
  );
}

type RenameProps = { name: string; what: string; onName: (name: string) => Promise<void> };

function Rename({ name, what, onName }: RenameProps): ReactNode {
  const { t } = useTranslation("house");
  return (
    <AskButton
      label={t("rename")}
      title={`${t("rename")} ${what}`}
      questions={[{ name: "name", label: t("renameAsk"), initial: name, required: true }]}
      onAnswer={(answers) => onName(answers.name ?? "")}
    />
  );
}

function Close({ what, onClose }: { what: string; onClose: () => Promise<void> }): ReactNode {
  const { t } = useTranslation("house");
  return <AskButton label={t("close")} title={t("closeAsk", { name: what })} onAnswer={onClose} />;
}

type ManageProps = { unit: PlaceTree["units"][number]; done: () => Promise<void> };

/** The unit itself and its rooms: renamed, and closed once nothing in them is open. */
function Manage({ unit, done }: ManageProps): ReactNode {
  const { t } = useTranslation("house");
  const row = (what: string, actions: ReactNode) => (
    <li key={what}>
      {what} {actions}
    </li>
  );
  return (
    <details className="manage">
      <summary>
        {t("rooms")} · {unit.name}
      </summary>
      <ul>
        {row(
          unit.name,
          <>
            <Rename
              name={unit.name}
              what={unit.name}
              onName={async (name) => {
                await house.renameUnit(unit, name).then(done);
              }}
            />
            {unit.rooms.length === 0 && (
              <Close
                what={unit.name}
                onClose={async () => {
                  await house.closeUnit(unit).then(done);
                }}
              />
            )}
          </>,
        )}
        {unit.rooms.map((room) =>
          row(
            `${unit.name} ${room.name}`,
            <>
              <Rename
                name={room.name}
                what={room.name}
                onName={async (name) => {
                  await house.renameRoom(room, unit.id, name).then(done);
                }}
              />
              {room.beds.length === 0 && (
                <Close
                  what={room.name}
                  onClose={async () => {
                    await house.closeRoom(room).then(done);
                  }}
                />
              )}
            </>,
          ),
        )}
      </ul>
    </details>
  );
}

function HomeTable({ homes }: { homes: PlaceTree["homes"] }): ReactNode {
  const { t } = useTranslation("house");
  const residents = (home: PlaceTree["homes"][number]) =>
    home.rooms.flatMap((room) => room.beds.map((bed) => bed.resident?.name ?? t(`occupancy.${bed.occupancy}`)));
  return (
    <DataTable
      title={t("homes")}
      rows={homes}
      rowKey={({ id }) => id}
      empty={t("noHomes")}
      columns={[
        { title: t("name"), cell: (home) => home.name },
        { title: t("state"), cell: (home) => t(`homeState.${home.state}`) },
        { title: t("who"), cell: (home) => residents(home).join("、") },
        {
          title: t("actions"),
          cell: (home) => (
            <Link to={`/operator/places/homes/${home.id}`} aria-label={`${t("open")} ${home.name}`}>
              {t("open")}
            </Link>
          ),
        },
      ]}
    />
  );
}

/** Where a room or a bed may stand, as options: the value says what and which. */
function parents(kind: Kind, tree: PlaceTree): { value: string; label: string }[] {
  if (kind === "unit") return tree.buildings.map(({ id, name }) => ({ value: id, label: name }));
  if (kind === "home") return tree.units.map(({ id, name }) => ({ value: id, label: name }));
  if (kind === "room")
    return [
      ...tree.units.map(({ id, name }) => ({ value: `unit:${id}`, label: name })),
      ...tree.homes.map(({ id, name }) => ({ value: `home:${id}`, label: name })),
    ];
  if (kind === "bed")
    return [...tree.units, ...tree.homes].flatMap((outer) =>
      outer.rooms.map(({ id, name }) => ({ value: id, label: `${outer.name} ${name}` })),
    );
  return [];
}

function AddPlace({ tree }: { tree: PlaceTree }): ReactNode {
  const { t } = useTranslation("house");
  const queryClient = useQueryClient();
  const [kind, setKind] = useState<Kind>("unit");
  const [name, setName] = useState("");
  const [under, setUnder] = useState("");
  const [bedKind, setBedKind] = useState<BedKind>("nursing");
  const [address, setAddress] = useState("");
  const [entry, setEntry] = useState("");
  const options = parents(kind, tree);
  const needsParent = kind === "room" || kind === "bed";
  const parent = options.some(({ value }) => value === under) ? under : needsParent ? (options[0]?.value ?? "") : "";
  const add = async () => {
    if (kind === "building") await house.addBuilding(name);
    if (kind === "unit") await house.addUnit(name, parent || null, tree.units.length + 1);
    if (kind === "bed") await house.addBed(name, parent, bedKind);
    if (kind === "home") await house.addHome(name, parent || null, address, entry);
    if (kind === "room") {
      const [what, id = ""] = parent.split(":");
      await house.addRoom(name, what === "home" ? { home_id: id } : { unit_id: id });
    }
    setName("");
    await queryClient.invalidateQueries({ queryKey: HOUSE_KEYS.places });
  };
  return (
    <CallForm title={t("addTitle")} submit={t("add")} onSubmit={add} testId="add-place">
      <SelectField
        label={t("whatKind")}
        value={kind}
        testId="place-kind"
        onChange={(value) => setKind(value as Kind)}
        options={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))}
      />
      <TextField label={t("name")} value={name} onChange={setName} required testId="place-name" />
      {kind !== "building" && (
        <SelectField
          label={t("under")}
          value={parent}
          onChange={setUnder}
          required={needsParent}
          testId="place-parent"
          options={needsParent ? options : [{ value: "", label: t("none") }, ...options]}
        />
      )}
      {kind === "bed" && (
        <SelectField
          label={t("bedKindLabel")}
          value={bedKind}
          onChange={(value) => setBedKind(value as BedKind)}
          options={BED_KINDS.map((value) => ({ value, label: t(`bedKind.${value}`) }))}
        />
      )}
      {kind === "home" && (
        <>
          <TextField label={t("address")} value={address} onChange={setAddress} />
          <TextField label={t("entry")} value={entry} onChange={setEntry} multiline />
        </>
      )}
    </CallForm>
  );
}
