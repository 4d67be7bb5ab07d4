"""The tenant is named by TenantScope and nowhere else: nothing in a slice goes around it.

Row-level security would show nothing anyway; this keeps the code honest about it, and finds what
RLS cannot: a statement that works today because of where it stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

CLOUD = Path(__file__).parents[2] / "cloud"
SLICES = sorted(
    path
    for path in CLOUD.rglob("*.py")
    if path.parent != CLOUD
    and not {"migrations", "web"} & set(path.relative_to(CLOUD).parts)
    and path.name != "models.py"
)
# Of no institution: counted before anybody is known.
SHARED_MODELS = {"LoginThrottle"}
SHARED_TABLES = {"series_deletion"}


def bare_reads(source: str) -> list[int]:
    """Lines that load a row by its key alone, or hide a SELECT behind another name."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            lines += [node.lineno for name in node.names if name.name == "select" and name.asname]
        if not isinstance(node, ast.Call):
            continue
        name = node.func
        # session.get(...): looks by key alone. get_one is for the institution itself.
        if (
            isinstance(name, ast.Attribute)
            and name.attr in ("get", "query")
            and isinstance(name.value, ast.Attribute | ast.Name)
            and (name.value.attr if isinstance(name.value, ast.Attribute) else name.value.id)
            == "session"
        ):
            lines.append(node.lineno)
    return lines


def unscoped(source: str) -> list[int]:
    """Lines with select(), delete() or update() that do not name the institution themselves."""
    tree = ast.parse(source)
    ours = _from_sqlalchemy(tree)
    lines = []
    for statement in ast.walk(tree):
        if not isinstance(statement, ast.stmt) or isinstance(
            statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If | ast.For
            | ast.AsyncFor | ast.With | ast.AsyncWith | ast.Try | ast.While
        ):  # fmt: skip
            continue
        if "institution_id" not in ast.unparse(statement):
            lines += [call.lineno for call in ast.walk(statement) if _reaches_a_table(call, ours)]
    return lines


def _from_sqlalchemy(tree: ast.Module) -> set[str]:
    """Which of the three words are SQLAlchemy's here: a query of another store is none of ours."""
    return {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for name in node.names
    } & {"select", "delete", "update"}


def _reaches_a_table(call: ast.AST, ours: set[str]) -> TypeGuard[ast.Call]:
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ours
        and bool(call.args)
        and ast.unparse(call.args[0]) not in SHARED_MODELS
    )


def raw_reads(source: str) -> Iterator[tuple[int, str]]:
    """text("... FROM table") that does not name the institution; functions may stand there."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id != "text" or not node.args:
            continue
        sql = node.args[0]
        if not (isinstance(sql, ast.Constant) and isinstance(sql.value, str)):
            continue
        if "institution_id" in sql.value:
            continue
        for table in re.findall(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+([a-z_]+)\b(?!\s*\()", sql.value):
            if table not in SHARED_TABLES:
                yield node.lineno, table


@pytest.mark.parametrize("path", SLICES, ids=lambda path: str(path.relative_to(CLOUD)))
def test_slices_go_through_the_scope(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert bare_reads(source) == []
    assert unscoped(source) == []
    assert [line for line, _ in raw_reads(source)] == []


def test_the_checks_find_what_they_look_for() -> None:
    assert unscoped("from sqlalchemy import select\nx = select(Alert)") == [2]
    assert bare_reads("from sqlalchemy import select as s") == [1]
    assert bare_reads("scope.session.get(Alert, 1)") == [1]
    assert bare_reads("session.get(Alert, 1)") == [1]
    assert bare_reads("scope.select(Alert)") == []
    assert unscoped("from sqlalchemy import delete\nx(delete(Alert).where(Alert.id == 1))") == [2]
    assert unscoped("from sqlalchemy import update\nupdate(A).where(A.institution_id == a)") == []
    assert list(raw_reads('text("SELECT 1 FROM elder")')) == [(1, "elder")]
    assert list(raw_reads('text("SELECT * FROM auth_login(:name)")')) == []


@pytest.mark.parametrize("path", SLICES, ids=lambda path: str(path.relative_to(CLOUD)))
def test_nothing_commits_but_the_transaction(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert ".commit(" not in source
    assert ".rollback(" not in source
