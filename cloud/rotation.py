"""All that is sealed, sealed anew with the newest key, while the cloud serves.

What is not current is found by the first bytes of each ciphertext, so nothing needs to be
remembered: ended in the middle, the next run goes on with what is left. Each batch is one
transaction; between batches old and new are both readable, since the keyring has both keys.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import IntegrityError

from cloud.alerts.notify.models import ContactPoint
from cloud.alerts.notify.points import address_context, address_index
from cloud.care.matching.models import MatchingList, MatchingRow, file_context, person_context
from cloud.care.orders.models import ServiceOrder
from cloud.care.visits.models import Visit, VisitPlan
from cloud.care.visits.places import place_context
from cloud.crypto import BadCiphertextError, Keyring
from cloud.database import Database, TenantBase, TenantScope
from cloud.devices.links import link_context
from cloud.devices.models import Device, RegistryState
from cloud.devices.simulation_key import simulation_key_context
from cloud.identity.models import User
from cloud.identity.second_factor import totp_context
from cloud.people.family import CONTACT_PHONE, FAMILY_PHONE
from cloud.people.models import Elder, ElderContact, FamilyMember
from cloud.people.record import CITIZEN_NUMBER, PHONE, number_purpose
from cloud.places.homes import ADDRESS, ENTRY, photo_context
from cloud.places.models import Home, Photo
from cloud.simulation.models import SimulationRun
from cloud.simulation.runner import key_context

# Rows of one transaction: a batch holds its rows' locks for some ten milliseconds.
BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed column: its table, its rows' key, and what binds a ciphertext to its row."""

    model: type[TenantBase]
    column: str
    context: Callable[[Any], str]
    key: str = "id"
    # Another column that holds it in clear, from before it was sealed.
    clear: str | None = None

    @property
    def name(self) -> str:
        """As in `elder.phone_sealed`."""
        return f"{self.model.__tablename__}.{self.column}"


def _by_row(column: str) -> Callable[[Any], str]:
    return lambda row: f"{column}:{row.id}"


def _by_elder(column: str) -> Callable[[Any], str]:
    return lambda row: f"{column}:{row.elder_id}"


SEALED: Final[tuple[Sealed, ...]] = (
    Sealed(User, "totp_sealed", lambda row: totp_context(row.id)),
    Sealed(Home, "address_sealed", _by_row(ADDRESS)),
    Sealed(Home, "entry_sealed", _by_row(ENTRY)),
    Sealed(Elder, "citizen_number_sealed", _by_row(CITIZEN_NUMBER)),
    Sealed(Elder, "phone_sealed", _by_row(PHONE)),
    Sealed(ElderContact, "phone_sealed", _by_row(CONTACT_PHONE)),
    Sealed(FamilyMember, "phone_sealed", _by_row(FAMILY_PHONE)),
    Sealed(ContactPoint, "sealed_address", lambda row: address_context(row.id)),
    Sealed(Device, "link_sealed", link_context, key="device_id"),
    Sealed(RegistryState, "simulation_key_sealed", simulation_key_context, key="institution_id"),
    Sealed(SimulationRun, "sealed_key", lambda row: key_context(row.id)),
    Sealed(VisitPlan, "place_sealed", _by_elder(place_context("visit_plan")), key="elder_id"),
    Sealed(ServiceOrder, "place_sealed", _by_row(place_context("service_order"))),
    Sealed(Visit, "place_sealed", _by_row(place_context("visit"))),
    Sealed(MatchingList, "file_sealed", lambda row: file_context(row.id)),
    Sealed(MatchingRow, "person_sealed", lambda row: person_context(row.id)),
    Sealed(Photo, "sealed", lambda row: photo_context(row.id), clear="jpeg"),
)


@dataclass(slots=True)
class Rotated:
    """What was done. `left`: rows that stayed as they were, as `table.column id`, and why."""

    sealed: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


Progress = Callable[[str, int, int], None]  # what, done, of how many


@dataclass(frozen=True, slots=True)
class Rotation:
    """On one database, with a keyring whose first key is the new one."""

    database: Database
    keyring: Keyring
    batch: int = BATCH

    async def count(self) -> dict[str, int]:
        """How many are not current, by column."""
        found = dict.fromkeys((sealed.name for sealed in SEALED), 0)
        for institution_id in await self.database.institutions():
            async with self.database.tenant(institution_id) as scope:
                for sealed in SEALED:
                    found[sealed.name] += await self._stale(scope, sealed)
        return found

    async def run(self, progress: Progress) -> Rotated:
        """Seal anew what is not current. Running again goes on where it ended."""
        total, rotated = sum((await self.count()).values()), Rotated()
        for institution_id in await self.database.institutions():
            for sealed in SEALED:
                after: object = None
                while True:
                    async with self.database.tenant(institution_id) as scope:
                        after = await self._batch(scope, sealed, after, rotated)
                    progress(sealed.name, rotated.sealed + len(rotated.left), total)
                    if after is None:
                        break
        return rotated

    async def _stale(self, scope: TenantScope, sealed: Sealed) -> int:
        statement = scope.select(sealed.model).where(self._is_stale(sealed))
        counted = statement.with_only_columns(func.count())
        return int((await scope.session.execute(counted)).scalar_one())

    def _is_stale(self, sealed: Sealed) -> ColumnElement[bool]:
        header, column = self.keyring.current_header, getattr(sealed.model, sealed.column)
        stale: ColumnElement[bool] = func.substring(column, 1, len(header)) != header
        if sealed.clear is not None:
            stale = stale | getattr(sealed.model, sealed.clear).is_not(None)
        return stale

    async def _batch(
        self, scope: TenantScope, sealed: Sealed, after: object, rotated: Rotated
    ) -> object:
        """The key of the last row, or None where there are no more."""
        key = getattr(sealed.model, sealed.key)
        statement = scope.select(sealed.model).where(self._is_stale(sealed))
        if after is not None:
            statement = statement.where(key > after)
        statement = statement.order_by(key).limit(self.batch).with_for_update(key_share=True)
        rows = list(await scope.session.scalars(statement))
        done = 0
        for row in rows:
            try:
                async with scope.savepoint():
                    self._seal_anew(sealed, row)
                    await scope.session.flush()
                done += 1
            except BadCiphertextError as error:
                rotated.left.append((f"{sealed.name} {getattr(row, sealed.key)}", str(error)))
            except IntegrityError:
                why = "another elder of the institution has the same citizen number"
                rotated.left.append((f"{sealed.name} {getattr(row, sealed.key)}", why))
        rotated.sealed += done
        last: uuid.UUID | str | None = getattr(rows[-1], sealed.key) if rows else None
        return last if len(rows) == self.batch else None

    def _seal_anew(self, sealed: Sealed, row: Any) -> None:
        context, held = sealed.context(row), getattr(row, sealed.column)
        if held is None:  # in clear until now
            plain = getattr(row, str(sealed.clear))
            setattr(row, str(sealed.clear), None)
        else:
            plain = self.keyring.decrypt_bytes(held, context)
        setattr(row, sealed.column, self.keyring.encrypt_bytes(plain, context))
        if isinstance(row, Elder) and sealed.column == "citizen_number_sealed":
            purpose = number_purpose(row.institution_id)
            row.citizen_number_index = self.keyring.blind_index(plain.decode(), purpose)
        if isinstance(row, ContactPoint) and row.address_index is not None:
            row.address_index = address_index(self.keyring, row.channel, plain.decode())
