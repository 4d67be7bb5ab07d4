"""The monthly sheet as a workbook: numbers as numbers, masked and unknown cells as words."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from cloud.bureau.catalogue import CATALOGUE
from cloud.bureau.masking import SMALL
from cloud.bureau.sheet import Node, Sheet
from cloud.bureau.wording import Language, kind_name, value_of, words_of
from cloud.clock import LOCAL_ZONE

_HEADS: Final = {
    "zh": ("层级", "区县", "名称", "统计天数", "应有天数", "指标", "类别", "结果", "分子", "分母",
           "百分比", "每千床日", "中位数（秒）", "P95（秒）"),
    "en": ("Level", "District", "Name", "Days counted", "Days", "Indicator", "Kind", "Result",
           "Part", "Whole", "Percent", "Per 1,000 bed days", "Median (s)", "P95 (s)"),
}  # fmt: skip
_LEVELS: Final = {
    "zh": {"all": "汇总", "district": "区县", "institution": "机构"},
    "en": {"all": "all", "district": "district", "institution": "institution"},
}
_SHEETS: Final = {"zh": ("月报", "指标说明", "签名"), "en": ("Sheet", "Definitions", "Signature")}
_DEFINITIONS: Final = {
    "zh": ("指标", "分子", "分母", "计入", "不计入", "来源"),
    "en": ("Indicator", "Part", "Whole", "Counts", "Leaves out", "From"),
}
_BOLD: Final = Font(bold=True)
_SHADE: Final = PatternFill("solid", fgColor="E4EFED")
_WRAP: Final = Alignment(wrap_text=True, vertical="top")
# What begins with these is read as a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t")


def sheet_excel(
    sheet: Sheet, title: str, sha256: str, jws: str, language: Language, *, running: bool
) -> bytes:
    """Three pages: the numbers, the definitions, the proof."""
    book = Workbook()
    names = _SHEETS[language]
    page = book.active
    assert page is not None  # noqa: S101 - a new workbook has one
    page.title = names[0]
    _fill(page, _HEADS[language], list(_lines(sheet, language)), (10, 12, 30, 10, 10, 26, 18, 34))
    definitions = [
        (w.name, w.part, w.whole, w.counts, w.leaves_out, w.source)
        for w in (words_of(one, language) for one in CATALOGUE.values())
    ]
    _fill(book.create_sheet(names[1]), _DEFINITIONS[language], definitions,
          (22, 26, 26, 60, 60, 40))  # fmt: skip
    at = "" if sheet.computed_at is None else f"{sheet.computed_at.astimezone(LOCAL_ZONE):%F %R}"
    proof = [
        ("title", title), ("month", f"{sheet.month:%Y-%m}"), ("running", str(running).lower()),
        ("computed_at", at), ("masked_below", SMALL), ("sha256", sha256), ("signature", jws),
        ("document", f"/api/v1/bureau/sheet/document?month={sheet.month:%F}"),
        ("keys", "/api/v1/exchange/keys"),
    ]  # fmt: skip
    _fill(book.create_sheet(names[2]), ("", ""), proof, (18, 100))
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _lines(sheet: Sheet, language: Language) -> Iterator[tuple[Any, ...]]:
    by_key: dict[str, Node] = {node.key: node for node in sheet.nodes}
    for figure in sheet.figures:
        node, indicator = by_key[figure.node], CATALOGUE[figure.indicator]
        parent = by_key.get(node.parent or "")
        district = node.name if node.level == "district" else parent.name if (
            parent and parent.level == "district") else ""  # fmt: skip
        yield (
            _LEVELS[language][node.level], district, node.name, node.days, node.of_days,
            words_of(indicator, language).name,
            kind_name(figure.kind, language) if figure.kind else "",
            value_of(indicator, figure, language), figure.part, figure.whole, figure.percent,
            figure.per_1000, figure.median_s, figure.p95_s,
        )  # fmt: skip


def _fill(
    page: Any, head: tuple[str, ...], lines: list[tuple[Any, ...]], widths: tuple[int, ...]
) -> None:
    page.append(head)
    for line in lines:
        page.append([_plain(value) for value in line])
    for cell in page[1]:
        cell.font, cell.fill = _BOLD, _SHADE
    for number, width in enumerate(widths, start=1):
        page.column_dimensions[get_column_letter(number)].width = width
    for row in page.iter_rows(min_row=2):
        for cell in row:
            cell.alignment = _WRAP
    page.freeze_panes = "A2"
    page.auto_filter.ref = page.dimensions


def _plain(value: Any) -> Any:
    """An institution may call itself what it likes; a name is no formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
