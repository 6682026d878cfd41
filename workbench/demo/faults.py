"""What may be wrong with which demo paper, and how a desk writes it down: check item, note, place on the page.

Pairs the faults the papers can suffer with the check items of the seeded lists; anything without an item is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workbench.demo.papers import Document, Fault
from workbench.demo.papers.facts import misprinted_code, misprinted_name
from workbench.demo.papers.sheets import SEAL_MM, SPOTS

_D, _F = Document, Fault
ITEM_OF: Final[Mapping[tuple[Document, Fault], str]] = {
    **{(document, _F.NO_SEAL): "sealed" for document in Document},
    **{(document, _F.TOO_DARK): "legible" for document in Document},
    **{(document, _F.CUT_OFF): "legible" for document in Document},
    **{(document, _F.NO_SIGNATURE): "signed" for document in (_D.APPLICATION_FORM, _D.SEAL_CONFIRMATION)},
    (_D.USER_AGREEMENT, _F.NO_SIGNATURE): "signed",
    **{(document, _F.WRONG_NAME): "name_matches" for document in Document if document is not _D.USER_ID_CARD},
    (_D.USER_ID_CARD, _F.WRONG_NAME): "holder_matches",
    (_D.APPLICATION_FORM, _F.WRONG_CODE): "code_matches",
    (_D.BUSINESS_LICENCE, _F.WRONG_CODE): "code_matches",
    (_D.BUSINESS_LICENCE, _F.EXPIRED): "within_validity",
    (_D.USER_ID_CARD, _F.EXPIRED): "within_validity",
    (_D.USER_ID_CARD, _F.ONE_SIDE_ONLY): "both_sides",
}
"""The check item under which a desk marks a fault of a document."""

SUBTLE: Final = frozenset({_F.WRONG_NAME, _F.WRONG_CODE, _F.EXPIRED})
"""Faults a first pair of eyes may pass: what the second desk is for."""

ANSWERS: Final[Mapping[Fault, str]] = {
    _F.NO_SEAL: "已补盖公章并重新扫描",
    _F.NO_SIGNATURE: "已补签字并重新扫描",
    _F.WRONG_NAME: "名称有误的材料已更正",
    _F.WRONG_CODE: "代码有误的材料已更正",
    _F.EXPIRED: "已更换为有效期内的证件",
    _F.CUT_OFF: "已重新完整扫描",
    _F.TOO_DARK: "已重新扫描，调亮了图像",
    _F.ONE_SIDE_ONLY: "已补充身份证另一面",
}
"""What the enterprise says it has done about a fault."""

UNSEEN: Final[Mapping[Fault, frozenset[str]]] = {
    _F.NO_SEAL: frozenset({"seal_imprint"}),
    _F.CUT_OFF: frozenset({"sealed", "signed", "seal_imprint"}),
}
"""Check items nobody can answer while the fault stands: marked as not applicable."""

_MARKS: Final = {_F.NO_SEAL: ("seal", SEAL_MM + 6, SEAL_MM + 6), _F.NO_SIGNATURE: ("signature", 50.0, 22.0)}
_PORTRAIT, _LANDSCAPE = (210.0, 297.0), (297.0, 210.0)


@dataclass(frozen=True)
class Place:
    """A rectangle on a page of a document (from 0), in fractions of the page."""

    page: int
    x: float
    y: float
    w: float
    h: float


def place_of(document: Document, fault: Fault) -> Place | None:
    """Where the missing seal or signature belongs; None for faults that stand nowhere in particular."""
    if fault not in _MARKS or document is Document.USER_ID_CARD:
        return None
    kind, width, height = _MARKS[fault]
    spot = next((each for each in SPOTS[document] if each.kind == kind), None)
    if spot is None:
        return None
    across, down = _LANDSCAPE if document is Document.BUSINESS_LICENCE else _PORTRAIT
    left, top = max(0.0, spot.x - width / 2), max(0.0, spot.y - height / 2)
    right, bottom = min(across, left + width), min(down, top + height)
    return Place(spot.page, left / across, top / down, (right - left) / across, (bottom - top) / down)


def note_of(document: Document, fault: Fault, *, enterprise_name: str, holder_name: str, uscc: str) -> str | None:
    """What a desk notes beside the mark: for a misprint, both forms side by side."""
    if fault is Fault.WRONG_NAME:
        stated = holder_name if document is Document.USER_ID_CARD else enterprise_name
        return f"材料为“{misprinted_name(stated)}”，申请信息为“{stated}”"
    if fault is Fault.WRONG_CODE:
        return f"材料为 {misprinted_code(uscc)}"
    return {Fault.CUT_OFF: "页面下部缺失", Fault.TOO_DARK: "图像过暗"}.get(fault)
