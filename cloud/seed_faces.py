"""Drawn faces for made-up people: a demo shows where the photo stands, and shows nobody."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image, ImageDraw

_SIDE_PX: Final = 320
_BACKS: Final = ("#cfe3dc", "#e6dcc8", "#d5dcec", "#ead5d5", "#dbe6c9", "#e2d6e8")
_COATS: Final = ("#2f5d62", "#7a4b2a", "#34466b", "#8a3b4a", "#55682f", "#5d4270")
_SKIN, _GREY, _DARK = "#e8c4a2", "#b9bcc0", "#3b3330"


def portrait(number: int, sex: str) -> bytes:
    """A PNG of a head and shoulders; `number` chooses the colours."""
    image = Image.new("RGB", (_SIDE_PX, _SIDE_PX), _BACKS[number % len(_BACKS)])
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 230, 280, 430), fill=_COATS[number % len(_COATS)])
    hair = (82, 52, 238, 250) if sex == "female" else (88, 52, 232, 190)
    draw.ellipse(hair, fill=_GREY)
    draw.ellipse((96, 80, 224, 240), fill=_SKIN)
    for x in (132, 188):
        draw.ellipse((x - 6, 146, x + 6, 158), fill=_DARK)
        draw.arc((x - 18, 126, x + 18, 150), 200, 340, fill=_GREY, width=5)
    draw.arc((132, 172, 188, 212), 20, 160, fill=_DARK, width=5)
    if number % 2:
        for x in (132, 188):
            draw.ellipse((x - 24, 130, x + 24, 174), outline=_DARK, width=3)
        draw.line((156, 150, 164, 150), fill=_DARK, width=3)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()
