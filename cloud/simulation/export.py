"""A run as a file: everything as JSON, or its alerts as CSV. Both are marked as simulated."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Final

from cloud.simulation.models import SimulationRun
from cloud.simulation.service import run_detail

_MARK: Final = "SIMULATED 模拟"
_ALERT_COLUMNS: Final = ("id", "bed", "code", "urgency", "at_s", "real", "carer", "bedside_s")
_OUTCOME_COLUMNS: Final = ("median_s", "p95_s", "missed_target", "busy", "rounds_late")


def as_json(run: SimulationRun) -> str:
    """All of it."""
    return json.dumps(run_detail(run).model_dump(mode="json"), ensure_ascii=False, indent=1)


def as_csv(run: SimulationRun) -> str:
    """One row for each alert; for a what-if one for each number of carers. With a BOM for Excel."""
    out = io.StringIO()
    writer = csv.writer(out)
    result = run.result or {}
    rows: Iterable[list[Any]]
    if result.get("kind") == "outcomes":
        bounds = [f"{name}{end}" for name in _OUTCOME_COLUMNS for end in ("", "_low", "_high")]
        writer.writerow(["mark", "carers", "calls", *bounds])
        rows = (_outcome_row(one) for one in result["outcomes"])
    else:
        beds = (run.cast_of or {}).get("beds", [])
        writer.writerow(["mark", *_ALERT_COLUMNS])
        rows = (
            [_MARK, *({**one, "bed": beds[one["bed"]]["label"]}[name] for name in _ALERT_COLUMNS)]
            for one in result.get("alerts", [])
        )
    writer.writerows(rows)
    return "\ufeff" + out.getvalue()


def _outcome_row(one: dict[str, Any]) -> list[Any]:
    figures = [one[name][end] for name in _OUTCOME_COLUMNS for end in ("value", "low", "high")]
    return [_MARK, one["carers"], one["calls"], *figures]
