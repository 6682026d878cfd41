"""The administrator's form: what is posted comes back as the same drafts, and buttons only rearrange."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cases.words import Service
from workbench.documents.drafts import DocumentDraft, check_drafts
from workbench.documents.requirement_forms import read_documents, rearrange
from workbench.documents.seed import FIRST_VERSION
from workbench.kernel.errors import Invalid


def posted(documents: list[DocumentDraft]) -> dict[str, str]:
    """What a browser sends for these drafts."""
    form = {"count": str(len(documents))}
    for number, document in enumerate(documents):
        form[f"{number}.count"] = str(len(document.items))
        rows = [(f"{number}", document), *((f"{number}.items.{m}", item) for m, item in enumerate(document.items))]
        for place, row in rows:
            for field in fields(row):  # type: ignore[arg-type]  # both are dataclasses
                value = getattr(row, field.name)
                if value is True:
                    form[f"{place}.{field.name}"] = "1"
                elif isinstance(value, str):
                    form[f"{place}.{field.name}"] = value
    return form


@pytest.mark.parametrize("service", Service)
def test_the_first_lists_can_be_published_and_survive_the_form(service: Service) -> None:
    documents = list(FIRST_VERSION[service])
    check_drafts(documents)
    assert read_documents(posted(documents)) == documents


@given(st.data())
def test_moving_down_and_up_again_changes_nothing(data: st.DataObject) -> None:
    documents = list(FIRST_VERSION[Service.NEW])
    number = data.draw(st.integers(0, len(documents) - 2))
    item = data.draw(st.integers(0, len(documents[number].items) - 2))
    assert rearrange(rearrange(documents, f"down:{number}"), f"up:{number + 1}") == documents
    assert rearrange(rearrange(documents, f"down:{number}:{item}"), f"up:{number}:{item + 1}") == documents
    assert documents[number] not in rearrange(documents, f"remove:{number}")
    added = rearrange(documents, f"add:{number}")
    assert rearrange(added, f"remove:{number}:{len(documents[number].items)}") == documents


@pytest.mark.parametrize("count", ["", "-1", "31", "x", "9" * 40])
def test_a_form_with_an_impossible_count_is_refused(count: str) -> None:
    with pytest.raises(Invalid):
        read_documents({"count": count})
