"""The assessment report on A4, in Chinese. Pure: f(assessment, elder, institution)."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment
from cloud.people.models import Elder

# One of Adobe's CJK fonts that every reader brings: nothing is embedded, the file stays small.
_FONT: Final = "STSong-Light"
pdfmetrics.registerFont(UnicodeCIDFont(_FONT))

_TITLE: Final = ParagraphStyle("title", fontName=_FONT, fontSize=17, leading=24, alignment=1)
_HEAD: Final = ParagraphStyle("head", fontName=_FONT, fontSize=12, leading=18, spaceBefore=8)
_BODY: Final = ParagraphStyle("body", fontName=_FONT, fontSize=9.5, leading=14, wordWrap="CJK")
_SMALL: Final = ParagraphStyle("small", parent=_BODY, fontSize=8, textColor=colors.grey)
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


def assessment_pdf(row: Assessment, elder: Elder, institution: str) -> bytes:
    """The report of a filed assessment. Raises ValueError for a draft."""
    if row.result is None or row.filed_at is None:
        raise ValueError("a draft has no report")
    form = load_form()
    reasons = {one["code"]: one["zh"] for one in form.document["assessment_reasons"]}
    story: list[Flowable] = [
        Paragraph("老年人能力评估报告", _TITLE),
        Paragraph(f"依据 {form.standard}《{form.document['standard']['title_zh']}》", _SMALL),
        Spacer(1, 4),
        _table(
            [
                ["姓名", elder.name, "性别", _SEX.get(elder.sex, elder.sex)],
                ["出生日期", str(elder.birth_date), "评估基准日期", str(row.reference_date)],
                ["评估原因", reasons[row.reason], "评估机构", institution],
                [
                    "信息提供者",
                    f"{row.informant.get('name', '')}（{row.informant.get('relationship', '')}）",
                    "评估员",
                    "、".join(row.assessors),
                ],
            ],
            [24, 62, 28, 60],
        ),
        Paragraph("评估结果", _HEAD),
        _result_table(row.result),
        Paragraph("逐项得分", _HEAD),
        _items_table(row),
        Spacer(1, 10),
        _table(
            [["评估员签名", "", "评估员签名", ""], ["信息提供者签名", "", "日期", ""]],
            [32, 55, 32, 55],
            height_mm=11,
        ),
        Spacer(1, 4),
        Paragraph(
            f"规则版本 {row.result['rules_version']}；条文为软件用转述，以标准原文为准。"
            f"编号 {row.id}，{row.filed_at:%Y-%m-%d} 提交，提交后不可更改。",
            _SMALL,
        ),
    ]
    out = BytesIO()
    SimpleDocTemplate(
        out, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=14 * mm,
        bottomMargin=14 * mm, title="老年人能力评估报告", author=institution,
    ).build(story)  # fmt: skip
    return out.getvalue()


def _result_table(result: dict[str, Any]) -> Table:
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
    return _table(rows, [44, 130])


def _items_table(row: Assessment) -> Table:
    rows = []
    for item in load_form().items.values():
        option = item.option(row.answers[item.code])
        words = "" if option is None else option.zh
        score = "" if option is None else f"{option.score} / {item.highest}"
        rows.append([item.code, item.zh, score, words])
    return _table(rows, [14, 34, 16, 110])


def _table(rows: list[list[str]], widths_mm: list[float], height_mm: float | None = None) -> Table:
    cells = [[Paragraph(escape(cell), _BODY) for cell in row] for row in rows]
    heights = None if height_mm is None else [height_mm * mm] * len(rows)
    return Table(cells, [width * mm for width in widths_mm], heights, style=_GRID)
