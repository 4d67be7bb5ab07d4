"""Lists from other departments: CSV in UTF-8 or GBK, or Excel, with headings as they come."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from cloud.care.matching.clean import UncleanError, clean_date, clean_name, clean_number

# Headings seen in lists of departments, by what we call the column.
HEADINGS: Final = MappingProxyType(
    {
        "name": ("姓名", "老人姓名", "名字", "name"),
        "number": (
            "身份证号", "身份证号码", "公民身份号码", "公民身份证号码", "证件号码", "证件号",
            "身份证", "citizen_number",
        ),
        "birth_date": ("出生日期", "出生年月日", "出生年月", "生日", "birth_date"),
        "status": ("类别", "救助类别", "困难类型", "保障类型", "状态", "人员类别", "status"),
    }
)  # fmt: skip
# A title or two often stands above the headings.
_HEADING_WITHIN_ROWS: Final = 10
MAX_ROWS: Final = 1_000_000
_EXCEL_EXACT: Final = 10**15


class ListError(ValueError):
    """A file that is no list; says what is missing and what was found."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """One person of a list. `problems`: what could not be made sense of, in words."""

    line: int
    name: str
    number: str | None
    birth_date: date | None
    status: str
    problems: tuple[str, ...] = ()


def read_list(content: bytes, today: date) -> list[ListRow]:
    """All rows that hold anything. Raises ListError; a bad cell is a problem of its row."""
    lines = _excel(content) if zipfile.is_zipfile(io.BytesIO(content)) else _csv(content)
    return list(_rows(lines, today))


def _rows(lines: Iterable[tuple[int, Sequence[str]]], today: date) -> Iterator[ListRow]:
    columns: Mapping[str, int] | None = None
    seen: list[str] = []
    for count, (line, cells) in enumerate(lines):
        if count > MAX_ROWS:
            raise ListError(f"超过 {MAX_ROWS:,} 行，请分成几个文件")
        if columns is None:
            columns = _columns(cells)
            seen += [cell for cell in cells if cell.strip()]
            if columns is None and count >= _HEADING_WITHIN_ROWS:
                break
            continue
        if any(cell.strip() for cell in cells):
            yield _row(line, cells, columns, today)
    if columns is None:
        found = "、".join(dict.fromkeys(seen[:12])) or "（空文件）"
        raise ListError(
            f"没有找到表头：至少要有“姓名”，以及“身份证号”或“出生日期”。看到的是：{found}"
        )


def _columns(cells: Sequence[str]) -> Mapping[str, int] | None:
    """Which column is which, if these cells are the headings."""
    plain = ["".join(cell.split()).casefold() for cell in cells]
    found = {
        name: next((plain.index(each) for each in words if each in plain), None)
        for name, words in HEADINGS.items()
    }
    columns = {name: place for name, place in found.items() if place is not None}
    is_heading = "name" in columns and ("number" in columns or "birth_date" in columns)
    return columns if is_heading else None


def _row(line: int, cells: Sequence[str], columns: Mapping[str, int], today: date) -> ListRow:
    def cell(name: str) -> str:
        place = columns.get(name)
        return cells[place] if place is not None and place < len(cells) else ""

    problems: list[str] = []
    name, number, birth_date = "", None, None
    try:
        name = clean_name(cell("name"))
    except UncleanError as error:
        problems.append(str(error))
    try:
        number = clean_number(cell("number"), today)
    except UncleanError as error:
        problems.append(str(error))
    try:
        birth_date = clean_date(cell("birth_date"), today)
    except UncleanError as error:
        problems.append(str(error))
    if number is not None:
        inside = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        if birth_date is not None and birth_date != inside:
            problems.append("出生日期与身份证号里的不一致")
        birth_date = birth_date or inside
    return ListRow(line, name, number, birth_date, cell("status").strip(), tuple(problems))


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(content)
    try:
        dialect = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    reader = csv.reader(io.StringIO(text), dialect)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error:
        raise ListError(f"第 {reader.line_num} 行附近读不下去：引号没有配对，或一格太长") from None


def _decoded(content: bytes) -> str:
    """UTF-8 with or without its mark, else GB 18030, of which GBK is a part."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise ListError("文件是 UTF-16 编码，但不完整，请重新导出") from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ListError("文件既不是 UTF-8 也不是 GBK 编码，也不是 Excel（xlsx）文件")


def _excel(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (InvalidFileException, KeyError, OSError, ValueError, SyntaxError) as error:
        raise ListError(f"打不开这个 Excel 文件：{error}") from error
    if not book.worksheets:
        raise ListError("这个 Excel 文件里没有工作表")
    sheet = book.worksheets[0]
    # Some programs write a range that is too small; the rows themselves are right.
    sheet.reset_dimensions()
    for line, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        yield line, [_cell_text(cell) for cell in cells]


def _cell_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, int | float) and _has_lost_digits(cell):
        return f"{cell:.14E}"  # clean.py says what has happened
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _has_lost_digits(cell: float) -> bool:
    """A citizen number as a number of Excel keeps 15 digits; the others became noughts."""
    return abs(cell) >= _EXCEL_EXACT and (isinstance(cell, float) or cell % 1000 == 0)
