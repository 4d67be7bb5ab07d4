"""`yuyue replay ALERT`: the detector takes the decisions behind an alert again."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from cloud.alerts.evidence import events_of
from cloud.database import Database
from cloud.server import ready_database
from cloud.settings import Settings
from edge.events import Event
from edge.replay import Outcome, Replayed, replay
from edge.signals import NS_PER_S

app = typer.Typer(help="Take the decisions behind an alert again.", add_completion=False)
_out: Final = Console()
_STYLE: Final = {
    Outcome.SAME: "green",
    Outcome.DIFFERENT: "bold red",
    Outcome.NOT_POSSIBLE: "yellow",
}


@app.command()
def replay_alert(
    alert: Annotated[uuid.UUID, typer.Argument(help="Id of the alert, from its details.")],
) -> None:
    """Feed the detector the stored evidence of each event of an alert, and compare.

    Ends with 0 when all decisions are the same, 1 when one differs, 2 when none can be repeated.

    Example: yuyue replay 0b3d9c1e-5a36-4a55-8a0e-d3c1f5c0a4d2
    """
    with ready_database(Settings()) as ready:
        events = asyncio.run(_load(ready.connect(), alert))
    if not events:
        _out.print(f"no alert {alert} here", style="red")
        raise typer.Exit(2)
    results = [replay(event) for event in events]
    _out.print(_table(results))
    outcomes = {result.outcome for result in results}
    if Outcome.DIFFERENT in outcomes:
        raise typer.Exit(1)
    if Outcome.SAME not in outcomes:
        raise typer.Exit(2)


async def _load(database: Database, alert_id: uuid.UUID) -> list[Event]:
    try:
        await database.check()
        for institution_id in await database.institutions():
            async with database.tenant(institution_id) as scope:
                events = await events_of(scope, alert_id)
            if events:
                return events
        return []
    finally:
        await database.close()


def _table(results: list[Replayed]) -> Table:
    table = Table(title="Decisions taken again", title_justify="left")
    for column in ("happened (UTC)", "event", "detector", "result", "detail"):
        table.add_column(column)
    for result in results:
        event = result.event
        happened = datetime.fromtimestamp(event.time_ns / NS_PER_S, UTC)
        table.add_row(
            happened.isoformat(sep=" ", timespec="milliseconds"),
            event.kind.value,
            f"{event.detector.name} {event.detector.version}",
            f"[{_STYLE[result.outcome]}]{result.outcome.value}[/]",
            result.detail,
        )
    return table
