"""Remarks composed from templates and faults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cases.service import MAX_REMARK
from workbench.cases.words import Desk, Verdict
from workbench.review.remarks import FAULTS, Fault, compose, describe
from workbench.review.seed import TEMPLATES

SEAL = Fault("营业执照", "Business licence", "未加盖公章", "No seal", note="右下角", page=2)
NAME = Fault("申请表", "Application form", "名称不一致", "Name differs")


def test_a_fault_names_document_page_and_note_in_both_languages() -> None:
    assert describe(SEAL, "zh_Hans_CN") == "营业执照第2页：未加盖公章（右下角）"
    assert describe(SEAL, "en") == "Business licence, page 2: No seal (右下角)"


def test_faults_stand_where_the_template_wants_them() -> None:
    assert compose([SEAL, NAME], "请补正：\n%(faults)s\n谢谢", "zh") == (
        "请补正：\n1. 营业执照第2页：未加盖公章（右下角）\n2. 申请表：名称不一致\n谢谢"
    )


def test_faults_follow_a_template_that_does_not_say_where() -> None:
    assert compose([NAME], "100% 请补正", "zh") == "100% 请补正\n1. 申请表：名称不一致"


@given(st.text(max_size=40), st.lists(st.sampled_from([SEAL, NAME]), max_size=4))
def test_any_template_can_be_composed_and_keeps_every_fault(template: str, faults: list[Fault]) -> None:
    text = compose(faults, template, "zh")
    assert text.count("：") >= len(faults) if FAULTS not in template else True


@pytest.mark.parametrize(("desk", "verdict"), [(d, v) for d in (Desk.PRE_CHECK, Desk.RE_CHECK) for v in Verdict])
def test_every_desk_starts_with_templates_for_both_verdicts(desk: Desk, verdict: Verdict) -> None:
    texts = [text for each_desk, each_verdict, _, text in TEMPLATES if (each_desk, each_verdict) == (desk, verdict)]
    assert len(texts) >= 2
    assert all(len(text) < MAX_REMARK for text in texts)
    assert all((FAULTS in text) == (verdict is Verdict.FAILED) for text in texts)
