"""A Chinese font inside the PDF itself, so that a report looks the same on every printer.

The glyphs come from the machine's Noto Sans CJK SC (Debian: fonts-noto-cjk; its licence, OFL 1.1,
allows it to be embedded). Its outlines are cubic and reportlab embeds quadratic ones only, so the
few hundred glyphs of a report are cut out and converted. Where no such font is installed the
report names one of Adobe's CJK fonts instead, which most readers bring and some printers do not:
`embeds()` says which it is, and the log says it once.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import structlog
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont as PdfFont

NOT_EMBEDDED: Final = "STSong-Light"
# Debian, Fedora, Alpine and macOS (Homebrew) put it at these places.
_PLACES: Final = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto/NotoSansCJK-Regular.ttc",
    "/opt/homebrew/share/fonts/NotoSansCJK-Regular.ttc",
)
_FACE: Final = "Noto Sans CJK SC"
_FULL_NAME: Final = 4
# A thousandth of the em: nobody sees it.
_MAX_ERROR_UNITS: Final = 1.0
_TRUETYPE: Final = "\000\001\000\000"
_POST_WITHOUT_NAMES: Final = 3.0
_MAXP_TRUETYPE: Final = 0x00010000
_log = structlog.get_logger(__name__)


def embeds() -> bool:
    """Whether reports of this machine carry their font."""
    return _source() is not None


def font_for(text: str) -> str:
    """The name of a registered reportlab font that has every character of `text` it can have."""
    characters = "".join(sorted({*text, " ", "?"} - {"\n", "\r", "\t"}))
    return _registered(characters)


@lru_cache(maxsize=16)
def _registered(characters: str) -> str:
    source = _source()
    if source is None:
        pdfmetrics.registerFont(UnicodeCIDFont(NOT_EMBEDDED))
        _log.warning("pdf_font_not_embedded", wanted=_FACE, hint="install fonts-noto-cjk")
        return NOT_EMBEDDED
    name = "yuyue-" + hashlib.sha256(characters.encode("utf-8", "replace")).hexdigest()[:16]
    pdfmetrics.registerFont(PdfFont(name, BytesIO(_cut(source, characters))))
    return name


@cache
def _source() -> tuple[str, int] | None:
    """The file and the number of the face in it."""
    from fontTools.ttLib.ttCollection import TTCollection  # noqa: PLC0415 - see _cut

    for place in _PLACES:
        if not Path(place).exists():
            continue
        with TTCollection(place, lazy=True) as fonts:
            for number, font in enumerate(fonts.fonts):
                if font["name"].getDebugName(_FULL_NAME) in (_FACE, f"{_FACE} Regular"):
                    return place, number
    return None


def _cut(source: tuple[str, int], characters: str) -> bytes:
    """A TrueType font of these characters only."""
    # Loaded by the first report and not by every start of the hub: it takes a third of a second.
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    path, number = source
    options = Options()
    options.layout_features, options.hinting, options.notdef_outline = [], False, True
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx", "DSIG"]
    out = BytesIO()
    with TTFont(path, fontNumber=number, lazy=True) as font:
        subsetter = Subsetter(options)
        subsetter.populate(text=characters)
        subsetter.subset(font)
        _to_quadratic(font)
        font.save(out)
    return out.getvalue()


def _to_quadratic(font: Any) -> None:
    """Outlines of CFF as glyf, in place."""
    from fontTools.pens.cu2quPen import Cu2QuPen  # noqa: PLC0415 - see _cut
    from fontTools.pens.ttGlyphPen import TTGlyphPen  # noqa: PLC0415
    from fontTools.ttLib import newTable  # noqa: PLC0415

    glyphs, order = font.getGlyphSet(), font.getGlyphOrder()
    drawn = {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, _MAX_ERROR_UNITS, reverse_direction=True))
        drawn[name] = pen.glyph()
    del font["CFF "]
    font["loca"] = newTable("loca")
    glyf: Any = newTable("glyf")
    font["glyf"] = glyf
    glyf.glyphOrder, glyf.glyphs = order, drawn
    metrics = font["hmtx"].metrics
    for name in order:
        glyph = drawn[name]
        glyph.recalcBounds(glyf)
        metrics[name] = (metrics[name][0], getattr(glyph, "xMin", 0))
    maxp = font["maxp"]
    maxp.tableVersion = _MAXP_TRUETYPE
    for field in ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs",
                  "maxInstructionDefs", "maxStackElements", "maxSizeOfInstructions",
                  "maxComponentElements", "maxComponentDepth", "maxPoints", "maxContours",
                  "maxCompositePoints", "maxCompositeContours"):  # fmt: skip
        setattr(maxp, field, 1 if field == "maxZones" else 0)
    post = font["post"]
    post.formatType = _POST_WITHOUT_NAMES
    post.glyphOrder = None
    font.sfntVersion = _TRUETYPE
