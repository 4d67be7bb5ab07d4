"""docs/security.md shows who may do what as the code has it."""

from __future__ import annotations

from pathlib import Path

from cloud.identity.permissions import GRANTS, Permission, Role

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- roles: begin -->", "<!-- roles: end -->"


def table() -> str:
    roles = list(Role)
    lines = [
        "| | " + " | ".join(f"`{role}`" for role in roles) + " |",
        "|---|" + "---|" * len(roles),
    ]
    for permission in Permission:
        marks = " | ".join("●" if permission in GRANTS[role] else "" for role in roles)
        lines.append(f"| `{permission}` | {marks} |")
    return "\n".join(lines)


def test_the_table_of_roles_is_that_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = page.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == table(), f"put this between the marks of {PAGE.name}:\n{table()}"
