"""Tables for spreadsheets: text that stays text, and downloads that open in Chinese."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from fastapi import Response

# What a spreadsheet would take for the beginning of a formula (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def plain_cell(value: object) -> str:
    """As text, also where it begins like a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_download(text: str, name: str) -> Response:
    """With a byte order mark: spreadsheets then read it as UTF-8."""
    said = f'filename="{name}"' if name.isascii() else f"filename*=UTF-8''{quote(name)}"
    return Response(
        text.encode("utf-8-sig"),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; {said}"},
    )
