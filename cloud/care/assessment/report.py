"""The assessment report on A4, in Chinese. Pure: f(assessment, elder, institution)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from itertools import chain
from typing import Any, Final, Literal
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from cloud.care.assessment.around import in_words
from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment
from cloud.clock import local_date
from cloud.pdf_font import font_for
from cloud.people.models import Elder

_SEX: Final = {"female": "女", "male": "男"}
_MARGIN: Final = 18 * mm
_GRID: Final = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#9aa8a6")),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
)


@dataclass(frozen=True, slots=True)
class _Text:
    """A paragraph: in which style, and what it says."""

    style: Literal["title", "head", "small"]
    text: str


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table. `height_mm`: of each row, where people write into it by hand."""

    rows: list[list[str]]
    widths_mm: list[float]
    height_mm: float | None = None


def assessment_pdf(row: Assessment, elder: Elder, institution: str) -> bytes:
    """The report of a filed assessment. Raises ValueError for a draft."""
    if row.result is None or row.filed_at is None:
        raise ValueError("a draft has no report")
    parts = _parts(row, row.result, elder, institution, row.filed_at)
    texts = [
        cell
        for part in parts
        for cell in ([part.text] if isinstance(part, _Text) else chain.from_iterable(part.rows))
    ]
    styles = _styles(font_for("".join(texts)))
    out = BytesIO()
    SimpleDocTemplate(
        out, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=14 * mm,
        bottomMargin=14 * mm, title="老年人能力评估报告", author=institution,
    ).build([drawn for part in parts for drawn in _drawn(part, styles)])  # fmt: skip
    return out.getvalue()


def _parts(
    row: Assessment, result: dict[str, Any], elder: Elder, institution: str, filed_at: datetime
) -> list[_Text | _Grid]:
    form = load_form()
    reasons = {one["code"]: one["zh"] for one in form.document["assessment_reasons"]}
    informant = f"{row.informant.get('name', '')}（{row.informant.get('relationship', '')}）"
    if row.source:
        informant = f"见来文（{row.source}）"
    return [
        _Text("title", "老年人能力评估报告"),
        _Text("small", f"依据 {form.standard}《{form.document['standard']['title_zh']}》"),
        _Grid(
            [
                ["姓名", elder.name, "性别", _SEX.get(elder.sex, elder.sex)],
                ["出生日期", str(elder.birth_date), "评估基准日期", str(row.reference_date)],
                ["评估原因", reasons[row.reason], "评估机构", institution],
                ["信息提供者", informant, "评估员", "、".join(row.assessors)],
            ],
            [24, 62, 28, 60],
        ),
        *_person(elder),
        _Text("head", "评估结果"),
        _Grid(_result_rows(result), [44, 130]),
        _Text("head", "逐项得分"),
        _Grid(_item_rows(row), [14, 34, 16, 110]),
        _Text("head", "照护风险事件与健康情况"),
        _Grid(_around_rows(row), [44, 130]),
        _Text("head", "签名"),
        _Grid(
            [["评估员签名", "", "评估员签名", ""], ["信息提供者签名", "", "日期", ""]],
            [32, 55, 32, 55],
            height_mm=11,
        ),
        _Text(
            "small",
            f"规则版本 {result['rules_version']}；条文为软件用转述，以标准原文为准。"
            f"编号 {row.id}，{local_date(filed_at)} 提交，提交后不可更改。",
        ),
    ]


def _result_rows(result: dict[str, Any]) -> list[list[str]]:
    levels = load_form().levels
    rows = [[one["zh"], f"{one['score']} / {one['highest']}"] for one in result["domains"]]
    rows.append(["总分", f"{result['total']} / {load_form().total}"])
    rows.append(["初步等级", f"{result['first_level']} 级 {levels[result['first_level']].zh}"])
    for ground in result["grounds"]:
        moved = f"{ground['level_before']} → {ground['level_after']} 级"
        rows.append(["变更依据", f"{ground['zh']}：{ground['because_zh']}（{moved}）"])
    if not result["grounds"]:
        rows.append(["变更依据", "无"])
    rows.append(["最终等级", f"{result['final_level']} 级 {levels[result['final_level']].zh}"])
    return rows


def _person(elder: Elder) -> list[_Text | _Grid]:
    """A.2 as the record has it; nothing where it has nothing."""
    told = [
        ("身高", "" if elder.height_cm is None else f"{elder.height_cm:g} cm"),
        ("体重", "" if elder.weight_kg is None else f"{elder.weight_kg:g} kg"),
        ("民族", elder.ethnicity or ""),
        ("宗教信仰", elder.religion or ""),
        ("文化程度", elder.education or ""),
        ("婚姻状况", elder.marital or ""),
        ("居住情况", "、".join(elder.living or ())),
        ("医疗费用支付", "、".join(elder.payment or ())),
        ("经济来源", "、".join(elder.income or ())),
    ]
    rows = [[title, text] for title, text in told if text]
    return [_Text("head", "基本信息（取自档案）"), _Grid(rows, [44, 130])] if rows else []


_EVENTS: Final = {
    "fall": "跌倒", "wander": "走失", "choke": "噎食", "suicide_self_harm": "自杀/自伤",
    "other": "其他",
}  # fmt: skip
_MANY: Final = 3


def _around_rows(row: Assessment) -> list[list[str]]:
    """A.2.14 with what the hub counted by itself, and A.3 to A.5."""
    counts = (row.circumstances or {}).get("risk_events", {})
    told = "、".join(
        f"{zh} {'3 次及以上' if counts[kind] >= _MANY else f'{counts[kind]} 次'}"
        for kind, zh in _EVENTS.items()
        if counts.get(kind)
    )
    rows = [["近 30 天照护风险事件", told or "无"]]
    if counted := (row.incidents or {}).get("counted", ()):
        rows.append(["其中系统自动计入", f"{len(counted)} 次（经现场确认）"])
    contested = (row.incidents or {}).get("contested", ())
    rows += [["有异议、未计入", str(one["reason"])] for one in contested]
    return rows + [list(pair) for pair in in_words(row.around or {})]


def _item_rows(row: Assessment) -> list[list[str]]:
    rows = []
    for item in load_form().items.values():
        option = item.option(row.answers[item.code])
        words = "" if option is None else option.zh
        score = "" if option is None else f"{option.score} / {item.highest}"
        rows.append([item.code, item.zh, score, words])
    return rows


def _styles(font: str) -> dict[str, ParagraphStyle]:
    body = ParagraphStyle("body", fontName=font, fontSize=9.5, leading=14, wordWrap="CJK")
    return {
        "body": body,
        "title": ParagraphStyle("title", fontName=font, fontSize=17, leading=24, alignment=1),
        "head": ParagraphStyle("head", fontName=font, fontSize=12, leading=18, spaceBefore=8),
        "small": ParagraphStyle(
            "small", parent=body, fontSize=8, textColor=colors.grey, spaceAfter=4
        ),
    }  # fmt: skip


def _drawn(part: _Text | _Grid, styles: dict[str, ParagraphStyle]) -> list[Flowable]:
    if isinstance(part, _Text):
        return [Paragraph(escape(part.text), styles[part.style])]
    cells = [[Paragraph(escape(cell), styles["body"]) for cell in row] for row in part.rows]
    heights = None if part.height_mm is None else [part.height_mm * mm] * len(part.rows)
    widths = [width * mm for width in part.widths_mm]
    return [Table(cells, widths, heights, style=_GRID), Spacer(1, 4)]
