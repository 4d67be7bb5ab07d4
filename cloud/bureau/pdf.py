"""The monthly sheet on paper: A4 across, in one language. Pure: f(sheet, its hash, signature)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    Flowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from cloud.bureau.catalogue import CATALOGUE
from cloud.bureau.masking import SMALL
from cloud.bureau.sheet import Figure, Node, Sheet
from cloud.bureau.wording import Language, name_of, value_of, words_of
from cloud.clock import LOCAL_ZONE
from cloud.pdf_font import font_for

_PAGE: Final = landscape(A4)
_MARGIN: Final = 14 * mm
_NAME_MM: Final = 56
_WIDTH_MM: Final = 269
# More columns than these are too narrow to read; further nodes follow in another table.
_COLUMNS: Final = 5
_GRID: Final = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#9aa8a6")),
        ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e4efed")),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
)

_ZH: Final = {
    "title": "智慧养老督查月报", "indicator": "指标", "all": "汇总", "no_district": "未分区",
    "running": "本月未结束，为截至统计时的数字", "computed": "统计于", "never": "还没有统计",
    "days": "统计天数", "definitions": "指标说明", "counts": "计入", "leaves_out": "不计入",
    "source": "来源", "proof": "签名",
    "legend": f"“已遮盖”：少于 {SMALL} 的人数或次数，以及为防止推算而一并遮盖的数字；0 照常显示。"
    "“无数据”和未知、盲区时间从不当作正常。表中没有姓名、床号和文字记录。",
    "hash": "SHA-256（签名文件 /api/v1/bureau/sheet/document?month={month}-01）：{hash}",
    "jws": "分离签名（JWS ES256，公钥见 /api/v1/exchange/keys）：{jws}",
}  # fmt: skip
_EN: Final = {
    "title": "Monthly oversight sheet", "indicator": "Indicator", "all": "All",
    "no_district": "No district", "running": "the month is not over: numbers so far",
    "computed": "Counted at", "never": "not counted yet", "days": "Days counted",
    "definitions": "Definitions", "counts": "Counts", "leaves_out": "Leaves out",
    "source": "From", "proof": "Signature",
    "legend": f"Masked: counts below {SMALL}, and those that would give them away; zeros are "
    "shown. No data, unknown and blind are never taken as well. No name, bed or written word is "
    "in this sheet.",
    "hash": "SHA-256 (signed document /api/v1/bureau/sheet/document?month={month}-01): {hash}",
    "jws": "Detached signature (JWS ES256, key at /api/v1/exchange/keys): {jws}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Text:
    """A line of its own; `style`: title, head or small."""

    style: str
    text: str


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table with its first row as the head."""

    lines: list[list[str]]
    widths_mm: list[float]


_NEW_PAGE: Final = _Text("page", "")
_Part = _Text | _Grid


def sheet_pdf(
    sheet: Sheet, title: str, sha256: str, jws: str, language: Language, *, running: bool
) -> bytes:
    """The sheet with its definitions."""
    said = _ZH if language == "zh" else _EN
    parts = [*_head(sheet, title, said, running=running), *_numbers(sheet, language, said)]
    parts += [_NEW_PAGE, _Text("head", said["definitions"]), _definitions(language, said)]
    parts += [
        _Text("head", said["proof"]),
        _Text("small", said["hash"].format(month=f"{sheet.month:%Y-%m}", hash=sha256)),
        _Text("small", said["jws"].format(jws=jws)),
    ]
    foot = f"{sheet.month:%Y-%m} · SHA-256 {sha256[:16]}…"
    font = font_for(
        "0123456789"
        + foot
        + "".join(
            part.text if isinstance(part, _Text) else "".join(chain.from_iterable(part.lines))
            for part in parts
        )
    )

    def draw_foot(canvas: Any, page: Any) -> None:
        canvas.saveState()
        canvas.setFont(font, 7.5)
        canvas.drawString(_MARGIN, 7 * mm, foot)
        canvas.drawRightString(_PAGE[0] - _MARGIN, 7 * mm, str(page.page))
        canvas.restoreState()

    out = BytesIO()
    SimpleDocTemplate(
        out, pagesize=_PAGE, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=12 * mm,
        bottomMargin=14 * mm, title=f"{said['title']} {sheet.month:%Y-%m}", author=title,
    ).build(
        [drawn for part in parts for drawn in _drawn(part, _styles(font))],
        onFirstPage=draw_foot, onLaterPages=draw_foot,
    )  # fmt: skip
    return out.getvalue()


def _head(sheet: Sheet, title: str, said: dict[str, str], *, running: bool) -> list[_Part]:
    at = said["never"] if sheet.computed_at is None else (
        f"{said['computed']} {sheet.computed_at.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M}"
    )  # fmt: skip
    return [
        _Text("title", f"{said['title']} {sheet.month:%Y-%m}"),
        _Text("small", f"{title} · {at}" + (f" · {said['running']}" if running else "")),
        _Text("small", said["legend"]),
    ]


def _numbers(sheet: Sheet, language: Language, said: dict[str, str]) -> Iterator[_Part]:
    figures = {(f.node, f.indicator, f.kind): f for f in sheet.figures}
    upper = [node for node in sheet.nodes if node.level == "all" or node.parent == "all"]
    yield from _tables(upper, figures, language, said)
    for district in (node for node in upper if node.level == "district"):
        theirs = [node for node in sheet.nodes if node.parent == district.key]
        yield _NEW_PAGE
        yield _Text("head", district.name or said["no_district"])
        yield from _tables(theirs, figures, language, said)


def _styles(font: str) -> dict[str, ParagraphStyle]:
    cell = ParagraphStyle("cell", fontName=font, fontSize=8, leading=11, wordWrap="CJK")
    return {
        "title": ParagraphStyle("title", fontName=font, fontSize=17, leading=24, alignment=1),
        "head": ParagraphStyle("head", fontName=font, fontSize=12, leading=18, spaceBefore=8),
        "cell": cell,
        "small": ParagraphStyle("small", parent=cell, textColor=colors.HexColor("#444444")),
    }


def _drawn(part: _Part, styles: dict[str, ParagraphStyle]) -> Iterator[Flowable]:
    if isinstance(part, _Grid):
        cells = [[Paragraph(escape(cell), styles["cell"]) for cell in line] for line in part.lines]
        widths = [width * mm for width in part.widths_mm]
        yield Table(cells, widths, repeatRows=1, style=_GRID, hAlign="LEFT")
        yield Spacer(1, 6)
    elif part is _NEW_PAGE:
        yield PageBreak()
    else:
        yield Paragraph(escape(part.text), styles[part.style])


def rows_of(sheet_figures: dict[tuple[str, str, str], Figure]) -> Iterator[tuple[str, str]]:
    """Indicators and kinds in the order of the sheet."""
    kinds: dict[str, list[str]] = {}
    for _, code, kind in sheet_figures:
        held = kinds.setdefault(code, [])
        if kind not in held:
            held.append(kind)
    for code in CATALOGUE:
        for kind in kinds.get(code, []):
            yield code, kind


def _tables(
    nodes: Sequence[Node], figures: dict[tuple[str, str, str], Figure], language: Language,
    said: dict[str, str],
) -> Iterator[_Part]:  # fmt: skip
    for first in range(0, len(nodes), _COLUMNS):
        chosen = nodes[first : first + _COLUMNS]
        head = [said["indicator"], *(_node_name(node, said) for node in chosen)]
        lines = [head, [said["days"], *(f"{node.days}/{node.of_days}" for node in chosen)]]
        for code, kind in rows_of(figures):
            indicator = CATALOGUE[code]
            cells = [figures[node.key, code, kind] for node in chosen]
            lines.append(
                [
                    name_of(indicator, kind, language),
                    *(value_of(indicator, figure, language) for figure in cells),
                ]
            )
        width = (_WIDTH_MM - _NAME_MM) / _COLUMNS
        yield _Grid(lines, [_NAME_MM, *[width] * len(chosen)])


def _node_name(node: Node, said: dict[str, str]) -> str:
    if node.level == "all":
        return said["all"]
    return node.name or said["no_district"]


def _definitions(language: Language, said: dict[str, str]) -> _Grid:
    lines = [[said["indicator"], said["counts"], said["leaves_out"], said["source"]]]
    for indicator in CATALOGUE.values():
        words = words_of(indicator, language)
        share = f"{words.part} / {words.whole}" if words.whole else words.part
        lines.append([f"{words.name}（{share}）", words.counts, words.leaves_out, words.source])
    return _Grid(lines, [62, 75, 72, 60])
