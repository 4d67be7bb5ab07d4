"""`yuyue audit ...`: is the audit whole, and a copy of it to keep elsewhere."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from cloud.audit.chain import Verdict, entries_in_order, head_of, verify
from cloud.database import Database
from cloud.identity.service import institution_name
from cloud.oversight.routes import export_line
from cloud.server import ready_database
from cloud.settings import Settings

app = typer.Typer(help="Who saw or changed what. 审计", no_args_is_help=True, add_completion=False)
_out: Final = Console()
Institution = Annotated[str, typer.Option(help="Only this one; without it all.")]


@app.command("verify")
def verify_command(
    institution: Institution = "",
    head: Annotated[
        str | None, typer.Option(help="A head printed earlier (hex): it must be in the chain.")
    ] = None,
) -> None:
    """Walk every chain; ends with 1 where something is missing, changed or put in.

    Example: yuyue audit verify --institution 渝悦示范养老院
    """
    try:
        kept = None if head is None else bytes.fromhex(head)
    except ValueError:
        _out.print("--head: must be hexadecimal", style="red")
        raise typer.Exit(2) from None
    if kept is not None and not institution:
        _out.print("--head: name the --institution whose it is", style="red")
        raise typer.Exit(2)
    with ready_database(Settings()) as ready:
        verdicts = asyncio.run(_verify(ready.connect(), institution, kept))
    for name, verdict in verdicts:
        if verdict.whole:
            _out.print(f"{name}: whole, {verdict.entries} entries, head {verdict.head.hex()}")
        else:
            _out.print(f"{name}: BROKEN at entry {verdict.broken_at}: {verdict.why}", style="red")
    if not verdicts:
        _out.print("no such institution", style="red")
    if not verdicts or not all(verdict.whole for _, verdict in verdicts):
        raise typer.Exit(1)


@app.command("export")
def export_command(
    out: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    institution: Annotated[str, typer.Option(help="Whose audit.")],
) -> None:
    """Write an institution's audit, one JSON object a line.

    Example: yuyue audit export audit-2026.jsonl --institution 渝悦示范养老院
    """
    with ready_database(Settings()) as ready:
        count = asyncio.run(_export(ready.connect(), institution, out))
    if count is None:
        _out.print("no such institution", style="red")
        raise typer.Exit(1)
    _out.print(f"{out}: {count} entries")


async def _verify(database: Database, wanted: str, kept: bytes | None) -> list[tuple[str, Verdict]]:
    found = []
    try:
        await database.check()
        for institution_id in await database.institutions():
            async with database.tenant(institution_id) as scope:
                name = await institution_name(scope)
                if wanted not in ("", name):
                    continue
                total, _ = await head_of(scope)
                with Progress(console=_out, transient=True) as progress:
                    task = progress.add_task(name, total=total)
                    verdict = await verify(scope, kept, partial(_show, progress, task))
                found.append((name, verdict))
    finally:
        await database.close()
    return found


def _show(progress: Progress, task: TaskID, seq: int) -> None:
    progress.update(task, completed=seq)


async def _export(database: Database, wanted: str, out: Path) -> int | None:
    try:
        await database.check()
        for institution_id in await database.institutions():
            async with database.tenant(institution_id) as scope:
                if await institution_name(scope) != wanted:
                    continue
                count = 0
                with out.open("x", encoding="utf-8") as file:
                    async for entry in entries_in_order(scope):
                        file.write(export_line(entry))
                        count += 1
                return count
    finally:
        await database.close()
    return None
