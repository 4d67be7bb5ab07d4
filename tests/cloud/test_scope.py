"""The tenant is named by TenantScope and nowhere else: no bare SELECT in a slice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CLOUD = Path(__file__).parents[2] / "cloud"
SLICES = sorted(
    path
    for path in CLOUD.glob("*/*.py")
    if path.parent.name not in ("migrations", "web") and path.name != "models.py"
)


def bare_reads(source: str) -> list[int]:
    """Lines that make a SELECT or load a row without the scope."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func
        if isinstance(name, ast.Name) and name.id == "select":
            lines.append(node.lineno)
        # session.get(...): looks by key alone. get_one is for the institution itself.
        if (
            isinstance(name, ast.Attribute)
            and name.attr == "get"
            and isinstance(name.value, ast.Attribute)
            and name.value.attr == "session"
        ):
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("path", SLICES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_slices_read_through_the_scope(path: Path) -> None:
    assert bare_reads(path.read_text(encoding="utf-8")) == []


def test_the_check_finds_what_it_looks_for() -> None:
    assert bare_reads("select(Alert)") == [1]
    assert bare_reads("scope.session.get(Alert, 1)") == [1]
    assert bare_reads("scope.select(Alert)") == []


@pytest.mark.parametrize("path", SLICES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_commits_but_the_transaction(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert ".commit(" not in source
    assert ".rollback(" not in source
