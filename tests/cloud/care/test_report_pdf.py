"""The printed report: A4, and its Chinese font inside the file."""

from __future__ import annotations

import re
import uuid
from dataclasses import asdict
from datetime import date
from io import BytesIO

import pytest
from fontTools.ttLib import TTFont

from cloud import pdf_font
from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment
from cloud.care.assessment.report import assessment_pdf
from cloud.care.assessment.scoring import Circumstances
from cloud.care.assessment.service import DEFAULTS, work_out
from cloud.people.models import Elder
from tests.cloud.world import START


def a_filed_one() -> Assessment:
    answers = {code: item.options[-1].code for code, item in load_form().items.items()}
    result = asdict(work_out(answers, Circumstances(), DEFAULTS))
    return Assessment(
        id=uuid.uuid4(), elder_id=uuid.uuid4(), reason=1, reference_date=date(2026, 3, 1),
        answers=answers, informant={"name": "王小明", "relationship": "子女"},
        assessors=["陈评", "林估"], filed_at=START, result=result,
    )  # fmt: skip


def test_the_font_is_in_the_file() -> None:
    if not pdf_font.embeds():
        pytest.skip("no Noto Sans CJK here: install fonts-noto-cjk")
    elder = Elder(name="龚龘", sex="female", birth_date=date(1941, 3, 12))
    pdf = assessment_pdf(a_filed_one(), elder, "渝悦示范养老院")
    assert pdf.startswith(b"%PDF-")
    assert re.search(rb"/MediaBox \[ 0 0 595\.\d+ 841\.\d+ \]", pdf)
    assert b"/FontFile2" in pdf
    assert b"STSong" not in pdf
    assert len(pdf) < 400_000


def test_every_character_has_a_glyph() -> None:
    if not pdf_font.embeds():
        pytest.skip("no Noto Sans CJK here: install fonts-noto-cjk")
    text = "老年人能力评估：中度失能 85 / 90 → 级（龘）"
    source = pdf_font._source()
    assert source is not None
    font = TTFont(BytesIO(pdf_font._cut(source, "".join(sorted(set(text))))))
    known = font.getBestCmap()
    assert [one for one in text if ord(one) not in known] == []
    assert all(font["glyf"][known[ord(one)]].numberOfContours > 0 for one in text if one != " ")


def test_where_there_is_no_font_the_report_is_made_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf_font, "_source", lambda: None)
    pdf_font._registered.cache_clear()
    elder = Elder(name="王秀兰", sex="female", birth_date=date(1941, 3, 12))
    pdf = assessment_pdf(a_filed_one(), elder, "渝悦示范养老院")
    pdf_font._registered.cache_clear()
    assert b"STSong" in pdf
