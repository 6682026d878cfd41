"""What changed between rounds: all that changed is listed, nothing else is, and files are known by content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.review.diff import (
    DocumentChangeKind,
    FileView,
    FormValue,
    RoundDiff,
    compare_documents,
    compare_fields,
)

NAMES = st.sampled_from(["enterprise_name", "address", "reason", "holder_name", "holder_mobile"])
FORMS = st.dictionaries(NAMES, st.text(max_size=3))
FILES = st.lists(
    st.builds(FileView, st.integers(1, 99), st.text(max_size=5), st.sampled_from(["aa", "bb", "cc"]), st.booleans()),
    max_size=3,
)
PAPERS = st.dictionaries(st.sampled_from(["form", "licence", "card"]), FILES)


def _values(form: dict[str, str]) -> dict[str, FormValue]:
    return {name: FormValue(value, value) for name, value in form.items()}


@given(FORMS, FORMS)
def test_exactly_the_changed_fields_are_listed_each_once(old: dict[str, str], new: dict[str, str]) -> None:
    changes = compare_fields(_values(old), _values(new))
    expected = {name for name in {*old, *new} if old.get(name, "") != new.get(name, "")}
    assert sorted(each.name for each in changes) == sorted(expected)
    assert all((each.old, each.new) == (old.get(each.name, ""), new.get(each.name, "")) for each in changes)


@given(PAPERS, PAPERS)
def test_each_document_is_told_by_the_content_of_its_files(
    old: dict[str, list[FileView]], new: dict[str, list[FileView]]
) -> None:
    changes = {each.code: each for each in compare_documents(old, new)}
    assert set(changes) == {code for code in {*old, *new} if old.get(code) or new.get(code)}
    for code, change in changes.items():
        before = [each.sha256 for each in old.get(code, [])]
        after = [each.sha256 for each in new.get(code, [])]
        same = before == after
        assert (change.kind in (DocumentChangeKind.KEPT, DocumentChangeKind.IDENTICAL_REUPLOAD)) == same
        assert (change.kind is DocumentChangeKind.ADDED) == (not before)
        assert (change.kind is DocumentChangeKind.REMOVED) == (not after)
        if same:
            sent_again = any(not each.carried for each in new[code])
            assert (change.kind is DocumentChangeKind.IDENTICAL_REUPLOAD) == sent_again


@given(FORMS, PAPERS)
def test_a_round_that_only_took_over_shows_no_change(form: dict[str, str], papers: dict[str, list[FileView]]) -> None:
    carried = {
        code: [FileView(each.attachment_id + 100, each.name, each.sha256, carried=True) for each in files]
        for code, files in papers.items()
    }
    diff = RoundDiff(compare_fields(_values(form), _values(form)), compare_documents(papers, carried))
    assert diff.count == 0


def test_files_in_another_order_are_another_document() -> None:
    one, two = FileView(1, "正面", "aa", carried=False), FileView(2, "反面", "bb", carried=False)
    (change,) = compare_documents({"card": [one, two]}, {"card": [two, one]})
    assert change.kind is DocumentChangeKind.REPLACED


@pytest.mark.parametrize(("old", "new", "changed"), [("f1", "f1", False), ("f1", "f2", True)])
def test_identity_numbers_are_compared_by_fingerprint_and_shown_masked(old: str, new: str, changed: bool) -> None:
    masked = "1****************8"
    changes = compare_fields({"identity": FormValue(old, masked)}, {"identity": FormValue(new, masked)})
    assert [(each.old, each.new) for each in changes] == ([(masked, masked)] if changed else [])
