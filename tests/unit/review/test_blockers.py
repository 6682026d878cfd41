"""When the check-list allows a verdict (DOMAIN: a fail names at least one item, a pass needs every required one)."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.cases.words import Verdict
from workbench.review.marks import Line, MarkValue, blockers_of

LINES = st.lists(
    st.builds(Line, st.just("doc"), st.integers(1, 99), st.booleans(), st.none() | st.sampled_from(list(MarkValue))),
    max_size=8,
)


@given(LINES)
def test_a_fail_is_blocked_exactly_while_no_fault_is_marked(lines: list[Line]) -> None:
    assert bool(blockers_of(lines, Verdict.FAILED)) == all(each.value is not MarkValue.FAULT for each in lines)


@given(LINES)
def test_a_pass_names_every_open_required_item_and_every_fault(lines: list[Line]) -> None:
    expected = [
        each.check_item_id for each in lines if each.value is MarkValue.FAULT or (each.needed and each.value is None)
    ]
    assert [each.check_item_id for each in blockers_of(lines, Verdict.PASSED)] == expected
