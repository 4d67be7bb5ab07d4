"""Lists of other departments: dirty files read, compared with the records, nothing changed."""

from __future__ import annotations

import hashlib
import hmac
import io
import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from cloud.care.matching.clean import (
    TRANSLATE_TO,
    UncleanError,
    clean_date,
    clean_name,
    clean_number,
)
from cloud.care.matching.matcher import Certainty, Difference, Known, match
from cloud.care.matching.reading import ListError, ListRow, read_list
from cloud.care.matching.variants import VARIANTS
from cloud.people.citizen_number import check_character

TODAY = date(2026, 3, 1)


def number(seed: int, birth: date = date(1941, 3, 12)) -> str:
    """Nobody's: no place has the code 990000."""
    first = f"990000{birth:%Y%m%d}{seed % 1000:03d}"
    return first + check_character(first)


def index(text: str) -> bytes:
    return hmac.digest(b"test key", text.encode(), hashlib.sha256)


def known(
    name: str, text: str | None = None, birth: date = date(1941, 3, 12), status: str | None = None,
    *, listed: bool = False,
) -> Known:  # fmt: skip
    blind = None if text is None else index(text)
    return Known(uuid.uuid4(), name, birth, blind, status, listed)


def row(line: int, name: str, text: str | None = None, status: str = "低保") -> ListRow:
    return ListRow(line, name, text, date(1941, 3, 12), status)


def one(rows: list[ListRow], people: list[Known]) -> tuple[Difference, Certainty, str]:
    (finding,) = match(rows, people, lambda text: [index(text)])
    return finding.difference, finding.certainty, finding.why


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("王秀兰", "王秀兰"),
        (" 王 秀　兰 ", "王秀兰"),
        ("王秀兰（低保）", "王秀兰"),
        ("李国强先生", "李国强"),
        ("阿卜杜拉•买买提", "阿卜杜拉·买买提"),
        ("阿卜杜拉．买买提", "阿卜杜拉·买买提"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize("text", ["", "  ", "王*兰", "王?兰", "12", "王\ufffd"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(UncleanError):
        clean_name(text)


@pytest.mark.parametrize(
    "text",
    ["1941-3-12", "1941/03/12", "1941.3.12", "19410312", "1941年3月12日", "１９４１-０３-１２",
     "15047", "1941-03-12 00:00:00", "1941/3/12 0:00", "1941-03-12T00:00:00", "19410312.0",
     "'1941-03-12"],
)  # fmt: skip
def test_dates(text: str) -> None:
    assert clean_date(text, TODAY) == date(1941, 3, 12)


@pytest.mark.parametrize("text", [
        "1941-13-01", "1941-02-30", "三月", "2030-01-01", "41-3-12",
        # A year or a month alone is no birth date; 1941 as an Excel day would be 1905.
        "1941", "1941年", "1941.0", "1941-03", "1941年3月", "194103",
    ],
)  # fmt: skip
def test_dates_that_are_none(text: str) -> None:
    with pytest.raises(UncleanError):
        clean_date(text, TODAY)


def test_numbers_in_any_dress() -> None:
    plain = number(7)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in plain)
    for text in (plain, f" {plain[:6]} {plain[6:]} ", f"'{plain}", wide, plain.lower()):
        assert clean_number(text, TODAY) == plain
    assert clean_number("  ", TODAY) is None
    wrong = plain[:-1] + ("0" if plain[-1] != "0" else "1")
    for text, problem in ((wrong, "校验位对不上"), ("9.90000194103E+17", "科学计数法")):
        with pytest.raises(UncleanError, match=problem) as caught:
            clean_number(text, TODAY)
        assert plain[6:14] not in str(caught.value)


def test_a_number_of_the_first_generation_is_the_same_number() -> None:
    plain = number(7)
    assert clean_number(plain[:6] + plain[8:17], TODAY) == plain
    with pytest.raises(UncleanError, match="15 位"):
        clean_number(plain[:14], TODAY)


@pytest.mark.parametrize(
    ("listed", "recorded"),
    [
        ("王淸蘭", "王清兰"), ("黃榮", "黄荣"), ("吳髙峯", "吴高峰"),
        ("阿卜杜拉买买提", "阿卜杜拉·买买提"), ("阿卜杜拉·买买提", "阿卜杜拉.买买提"),
    ],
)  # fmt: skip
def test_variants_of_a_character_and_a_missing_dot_are_one_name(listed: str, recorded: str) -> None:
    by_number = one([row(2, listed, number(1))], [known(recorded, number(1), status="低保")])
    assert by_number[:2] == (Difference.SAME, Certainty.CERTAIN)
    by_name = one([row(2, listed)], [known(recorded, status="低保")])
    assert by_name[:2] == (Difference.SAME, Certainty.LIKELY)


def test_no_variant_leads_to_another_variant() -> None:
    """Python replaces once and so does SQL; a chain would make the two differ."""
    assert not VARIANTS.keys() & set(VARIANTS.values())
    assert len(TRANSLATE_TO) == len(VARIANTS)


def test_two_names_are_not_one() -> None:
    found = one([row(2, "王清兰", number(1))], [known("王清莲", number(1))])
    assert found[0] is Difference.CONFLICT


LINES = [
    ["某区低保人员名单", "", "", ""],
    ["序号", "姓 名", "身份证号码", "救助类别"],
    ["1", "王秀兰", number(1), "低保"],
    ["2", "", "", ""],
    ["3", "李国强", "123", "特困"],
]


def as_csv(encoding: str) -> bytes:
    return "\r\n".join(",".join(cells) for cells in LINES).encode(encoding)


def as_excel() -> bytes:
    book = Workbook()
    for cells in LINES:
        book.active.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [as_csv("utf-8"), as_csv("utf-8-sig"), as_csv("gbk"), as_csv("utf-16"), as_excel()],
    ids=["utf-8", "utf-8-sig", "gbk", "utf-16", "xlsx"],
)
def test_files_of_every_kind_say_the_same(content: bytes) -> None:
    first, nobody, wrong = read_list(content, TODAY)
    assert (first.name, first.number, first.status) == ("王秀兰", number(1), "低保")
    assert first.birth_date == date(1941, 3, 12)
    assert nobody.problems == ("姓名是空的",)
    assert (wrong.name, wrong.number) == ("李国强", None)
    assert wrong.problems[0].startswith("身份证号不对")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "空文件"),
        ("街道,金额\n某街,3".encode(), "看到的是：街道、金额"),
        (b"\x81\xff\xfe\x00\xff", "既不是 UTF-8 也不是 GBK"),
        (b"PK\x03\x04 not a workbook", "没有找到表头|既不是|打不开"),
    ],
)
def test_what_is_no_list_says_what_is_missing(content: bytes, problem: str) -> None:
    with pytest.raises(ListError, match=problem):
        read_list(content, TODAY)


def excel_of(*lines: list[object]) -> bytes:
    book = Workbook()
    for cells in lines:
        book.active.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_number_that_excel_has_rounded_is_named_and_never_matched() -> None:
    rounded = int(number(1)[:15] + "000") if number(1).isdigit() else 990000194103120000
    content = excel_of(["姓名", "身份证号"], ["王秀兰", rounded], ["李国强", float(rounded)])
    for found in read_list(content, TODAY):
        assert found.number is None
        assert "科学计数法" in found.problems[0]


def test_a_date_of_excel_is_a_date_as_a_day_and_as_a_number() -> None:
    content = excel_of(
        ["姓名", "出生日期"],
        ["王秀兰", date(1941, 3, 12)],
        ["李国强", 15047],
    )
    assert [one.birth_date for one in read_list(content, TODAY)] == [date(1941, 3, 12)] * 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("姓名,出生日期\n王秀兰,1941-3-12".encode("utf-16")[:-1], "不完整"),
        (("姓名,出生日期\n王," + "1" * 200_000).encode(), "读不下去"),
    ],
    ids=["half a character", "a cell without end"],
)
def test_a_broken_file_is_told_in_words(content: bytes, problem: str) -> None:
    with pytest.raises(ListError, match=problem):
        read_list(content, TODAY)


def test_certain_likely_new_and_gone() -> None:
    number_1 = number(1)
    same = known("王秀兰", number_1, status="低保")
    assert one([row(2, "王秀兰", number_1)], [same])[:2] == (Difference.SAME, Certainty.CERTAIN)
    changed = known("王秀兰", number_1, status="特困")
    assert one([row(2, "王秀兰", number_1)], [changed])[:2] == (
        Difference.CHANGED, Certainty.CERTAIN,
    )  # fmt: skip
    likely = known("王秀兰")
    assert one([row(2, "王秀兰")], [likely])[:2] == (Difference.CHANGED, Certainty.LIKELY)
    assert one([row(2, "王秀兰", number_1)], [])[:2] == (Difference.NEW, Certainty.NONE)
    was_listed = known("王秀兰", number_1, status="低保", listed=True)
    (finding,) = match([], [was_listed], lambda text: [index(text)])
    assert (finding.difference, finding.before) == (Difference.GONE, "低保")
    assert match([], [known("从未在名单里", status="低保")], lambda text: [index(text)]) == []


def test_conflicts_are_named_and_never_settled() -> None:
    a, b = number(1), number(2)
    cases = [
        ([row(2, "王秀兰", a)], [known("王秀芝", a)], "姓名不同"),
        ([row(2, "王秀兰", a)], [known("王秀兰", a), known("王秀兰", a)], "同一个身份证号"),
        ([row(2, "王秀兰")], [known("王秀兰"), known("王秀兰")], "2 位同名同生日"),
        ([row(2, "王秀兰", a)], [known("王秀兰", b)], "身份证号不同"),
        ([row(2, "王秀兰", a)], [known("王秀兰", a), known("王秀兰")], "指向另一位"),
    ]
    for rows, people, why in cases:
        difference, certainty, said = one(rows, people)
        assert (difference, certainty) == (Difference.CONFLICT, Certainty.NONE), why
        assert why in said


def test_two_persons_of_a_list_with_one_number() -> None:
    findings = match(
        [row(2, "王秀兰", number(1)), row(3, "李国强", number(1))], [], lambda text: [index(text)]
    )
    assert [finding.difference for finding in findings] == [Difference.CONFLICT] * 2
    assert "第 2、3 行是同一个身份证号" in findings[0].why


def test_one_person_twice_counts_once() -> None:
    rows = [row(2, "王秀兰", number(1)), row(9, "王秀兰", number(1))]
    found = match(rows, [known("王秀兰", number(1), status="低保")], lambda text: [index(text)])
    assert [finding.difference for finding in found] == [Difference.SAME, Difference.CONFLICT]
    assert "重复" in found[1].why


def test_old_keys_still_find() -> None:
    old = Known(uuid.uuid4(), "王秀兰", date(1941, 3, 12), b"old" + index(number(1)), "低保")
    (finding,) = match(
        [row(2, "王秀兰", number(1))], [old], lambda text: [index(text), b"old" + index(text)]
    )
    assert finding.certainty is Certainty.CERTAIN


people = st.lists(
    st.tuples(
        st.sampled_from("甲乙丙"), st.integers(0, 4) | st.none(), st.sampled_from(["低保", ""])
    ),
    max_size=6,
)


@given(people, people)
def test_every_row_is_told_of_exactly_once(
    listed: list[tuple[str, int | None, str]], recorded: list[tuple[str, int | None, str]]
) -> None:
    rows = [
        row(line, name, None if k is None else number(k), status)
        for line, (name, k, status) in enumerate(listed, 2)
    ]
    records = [
        known(name, None if k is None else number(k), status=status or None)
        for name, k, status in recorded
    ]
    findings = match(rows, records, lambda text: [index(text)])
    told = [line for finding in findings for line in finding.rows]
    assert sorted(told) == [each.line for each in rows]
    certain = [f for f in findings if f.certainty is Certainty.CERTAIN and f.rows]
    assert all(len(finding.elders) == 1 for finding in certain)
