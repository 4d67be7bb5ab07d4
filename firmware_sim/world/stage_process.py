"""`python -m firmware_sim.world`: a scenario for whoever started this process, tagged line by line.

The first line of the input is JSON: `{"run_id": ..., "key_hex": ..., "order": {...}}`. The process
knows no address, no password and no phone; all it can do is to write to its output.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from typing import Annotated, Any, Final, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.simulated import KEY_BYTES, tagged_line
from firmware_sim.scenarios.load import ScenarioError
from firmware_sim.world.stage import Order, perform

# Somebody's alarm goes before anybody's simulation.
_NICENESS: Final = 10
_BAD_ORDER: Final = 2


class _Ordered(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    run_id: str
    key_hex: Annotated[str, Field(pattern=f"^[0-9a-f]{{{KEY_BYTES * 2}}}$")]
    order: Order


def main() -> None:
    """Perform one order read from the input, as tagged lines. For the cloud's simulation page."""
    try:
        ordered = _Ordered.model_validate_json(sys.stdin.readline())
    except ValidationError as error:
        _refuse(_said(error))
    with suppress(OSError):
        os.nice(_NICENESS)
    key, number = bytes.fromhex(ordered.key_hex), 0

    def emit(body: dict[str, Any]) -> None:
        nonlocal number
        number += 1
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        sys.stdout.write(tagged_line(key, ordered.run_id, number, text))
        sys.stdout.flush()

    try:
        perform(ordered.order, emit, time.sleep)
    except ValidationError as error:
        _refuse(_said(error))
    except ScenarioError as error:
        _refuse(str(error))


def _said(error: ValidationError) -> str:
    return "\n".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(why + "\n")
    raise SystemExit(_BAD_ORDER)
