"""The form's fields: each belongs to one step, and a text is kept or refused by what can be written, nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cases.facts import FREE_TEXTS
from workbench.cases.words import Service
from workbench.portal.drafting.draft_fields import (
    EDITABLE,
    IDENTITY,
    KEPT_CHARACTERS,
    MULTILINE,
    PRINTED,
    STEPS,
    VALUES,
    as_kept,
    can_be_kept,
    fields_of,
    first_open_step,
    step_of,
    writable_part,
)


def test_each_field_belongs_to_one_step_and_the_identity_number_to_no_value() -> None:
    named = [name for names in STEPS.values() for name in names]
    assert len(named) == len(set(named))
    assert set(named) == EDITABLE
    assert IDENTITY not in VALUES
    assert "uscc" not in EDITABLE
    assert set(FREE_TEXTS) <= EDITABLE
    assert "answer" not in PRINTED


@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize("corrects", [True, False])
def test_a_service_asks_for_what_it_needs(service: Service, corrects: bool) -> None:
    asked = {name for step in STEPS for name in fields_of(step, service, corrects=corrects)}
    assert ("reason" in asked) == (service in (Service.ADDITIONAL, Service.REPLACEMENT))
    assert ("prior_key" in asked) == (service is Service.REPLACEMENT)
    assert ("authority_id" in asked) == (not corrects)
    assert ("answer" in asked) == corrects
    assert {"enterprise_name", "category", "holder_name", IDENTITY, "holder_email"} <= asked


@given(st.sets(st.sampled_from(sorted(EDITABLE))))
def test_the_first_open_step_is_the_first_with_a_problem(problems: set[str]) -> None:
    order = list(STEPS)
    places = [order.index(step_of(name)) for name in problems]
    assert order.index(first_open_step(problems)) == min(places, default=order.index("review"))


@given(st.sampled_from(sorted(EDITABLE)), st.text(max_size=60))
def test_what_is_shown_again_can_always_be_kept(name: str, text: str) -> None:
    part = writable_part(name, text)
    assert can_be_kept(name, part)
    if can_be_kept(name, as_kept(text)):
        assert part == as_kept(text)


@pytest.mark.parametrize("text", ["示例", "𠮷野", "\U000323af", "é", "a" * KEPT_CHARACTERS, "", "O'Neil & <b>", "=1+1"])
def test_every_writable_text_is_kept(text: str) -> None:
    assert can_be_kept("address", text)


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\x7f", "\x85", "\ud800", "\u202e", "\u2066", "a\nb", "a\tb"])
def test_what_no_page_can_hold_is_refused(text: str) -> None:
    assert not can_be_kept("address", text)


def test_only_texts_of_several_lines_hold_line_ends() -> None:
    assert all(can_be_kept(name, as_kept("一\r\n二\r三")) for name in MULTILINE)
    assert as_kept(" 一\r\n二\r三 \n") == "一\n二\n三"
