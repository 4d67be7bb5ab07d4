"""Rows of one elder in SQL, by the catalogue. Names of tables and columns are constants of ours."""

from __future__ import annotations

from typing import Final

from cloud.rights.catalogue import HELD, Held

BY_TABLE: Final = {held.table: held for held in HELD}


def rows_of(held: Held) -> str:
    """A condition over `table`; `:elder` and `:institution` are to be bound."""
    found = []
    if held.by is not None:
        found.append(f"{held.by} = :elder")
    if held.where:
        found.append(f"({held.where})")
    for column, parent in held.through:
        inner = rows_of(BY_TABLE[parent])
        found.append(f"{column} IN (SELECT id FROM {parent} WHERE {inner})")  # noqa: S608
    return f"institution_id = :institution AND ({' OR '.join(found)})"
