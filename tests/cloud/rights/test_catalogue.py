"""Every table that holds something of an elder is in the copy and in the erasure, or says why."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, MetaData, Table, Text, Uuid, text

import tests.cloud.test_tenancy  # noqa: F401 - imports all models
from cloud.database import Base
from cloud.rights.catalogue import DOCUMENTS, EXCEPTIONS, HELD, Fate
from tests.cloud.world import World

NAMED = {held.table for held in HELD} | DOCUMENTS.keys() | EXCEPTIONS.keys()
# Of these rows go, or lose their person: what refers to them is of the same person.
OF_A_PERSON = {held.table for held in HELD if held.fate is not Fate.KEPT} - {"home"}
_KEYS = """
SELECT DISTINCT conrelid::regclass::text, confrelid::regclass::text
FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
"""


def forgotten(tables: MetaData, keys: Iterable[tuple[str, str]]) -> set[str]:
    """Tables with an elder's column or a key to a person's row that nobody has thought of."""
    with_elders = {
        table.name
        for table in tables.tables.values()
        if any("elder" in column.name for column in table.columns)
    }
    referring = {table for table, target in keys if target in OF_A_PERSON}
    return (with_elders | referring) - NAMED


async def keys_of(world: World) -> list[tuple[str, str]]:
    async with world.database.tenant(world.home.institution_id) as scope:
        return [(row[0], row[1]) for row in await scope.session.execute(text(_KEYS))]


async def test_every_table_of_elders_is_named(world: World) -> None:
    assert forgotten(Base.metadata, await keys_of(world)) == set()


async def test_a_new_table_is_noticed(world: World) -> None:
    """With an elder's column, or with nothing but a key to one that has."""
    tables = MetaData()
    for table in Base.metadata.tables.values():
        table.to_metadata(tables)
    Table("care_diary", tables, Column("id", Uuid, primary_key=True), Column("elder_id", Uuid))
    Table("visit_smell", tables, Column("visit_id", Uuid, primary_key=True), Column("note", Text))
    keys = [*await keys_of(world), ("visit_smell", "visit")]
    assert forgotten(tables, keys) == {"care_diary", "visit_smell"}


def test_the_catalogue_fits_the_tables() -> None:
    """Columns are there, parents come after their children, what stays says why."""
    place = {held.table: number for number, held in enumerate(HELD)}
    assert len(place) == len(HELD)
    for held in HELD:
        columns = Base.metadata.tables[held.table].columns
        wanted = [held.by, *held.cut, *(column for column, _ in held.through)]
        assert not [name for name in wanted if name is not None and name not in columns], held
        assert all(place[parent] > place[held.table] for _, parent in held.through), held
        assert bool(held.why) == (held.fate in (Fate.CUT, Fate.KEPT)), held
        assert bool(held.cut) == (held.fate is Fate.CUT), held
    for table in (*DOCUMENTS, *EXCEPTIONS):
        assert table in Base.metadata.tables
    assert not place.keys() & (DOCUMENTS.keys() | EXCEPTIONS.keys())
