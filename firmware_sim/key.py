"""The option every sending command has: the key that its messages are tagged with."""

from __future__ import annotations

from typing import Annotated

import typer

from edge.marks import KeyTextError, key_from_text


def _parsed(text: str) -> bytes | None:
    try:
        return key_from_text(text.strip())
    except KeyTextError as error:
        raise typer.BadParameter(
            f"{error}; `yuyue cloud simulation-key` prints the institution's"
        ) from None


SimulationKey = Annotated[
    bytes | None,
    typer.Option(
        "--key",
        envvar="YUYUE_SIM_KEY",
        parser=_parsed,
        metavar="HEX",
        help="What messages are tagged with, so that the hub believes their mark "
        "(`yuyue cloud simulation-key`). Better in the environment.",
    ),
]
