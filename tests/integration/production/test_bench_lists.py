"""The lists beside the job: how many cases wait that are not shown, and what a batch proposes and comes to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.production.bench_floor import Floor, open_floor, words_of
from tests.support.database import Database
from tests.support.keys import made_key
from workbench.cases.words import Service
from workbench.keys.queries import LIMIT_OF_KEYS
from workbench.production.bench_state import NEXT_SHOWN


@pytest.fixture
def bench(fresh_database: Database, tmp_path: Path) -> Iterator[Floor]:
    """A maker who sits at a bench."""
    with open_floor(fresh_database, tmp_path) as floor:
        floor.sit_down()
        yield floor


def said_in(bench: Floor, piece: str) -> str:
    return words_of(bench.state()["pieces"][piece])


def proposed(bench: Floor) -> str:
    """What stands in the field for the keys of a batch."""
    field = str(bench.state()["pieces"]["batch"]).split('id="batch-wanted"')[1].split(">")[0]
    return field.split('value="')[1].split('"')[0]


def test_the_list_of_the_next_cases_says_how_many_more_wait(bench: Floor) -> None:
    for _ in range(NEXT_SHOWN):
        bench.workshop.approved()
    assert "more" not in said_in(bench, "next")
    for _ in range(2):
        bench.workshop.approved()
    assert "2 more" in said_in(bench, "next")


def test_a_batch_is_proposed_of_the_cases_that_can_be_made_and_the_tokens_there_are(bench: Floor) -> None:
    bench.tokens(4)
    bench.show_agent()
    assert proposed(bench) == ""
    assert "No case waits for which a key can be made." in said_in(bench, "batch")
    facts = bench.workshop.office.facts()
    for number in range(LIMIT_OF_KEYS):
        service = Service.ADDITIONAL if number else Service.NEW
        made_key(bench.workshop.office, service=service, uscc=facts.uscc, enterprise_name=facts.enterprise_name)
    for _ in range(NEXT_SHOWN):
        bench.workshop.approved(Service.ADDITIONAL, uscc=facts.uscc, enterprise_name=facts.enterprise_name)
    assert proposed(bench) == ""
    for _ in range(3):
        bench.workshop.approved()
    assert proposed(bench) == "3"
    assert "No case waits" not in said_in(bench, "batch")
    for _ in range(2):
        bench.workshop.approved()
    assert proposed(bench) == "4"


def test_a_batch_that_made_every_case_does_not_look_unfinished(bench: Floor) -> None:
    bench.workshop.approved()
    bench.tokens(3)
    bench.show_agent()
    bench.act("batches", wanted=3)
    bench.agent_until_idle()
    told = bench.state()
    assert (told["said"]["tone"], told["said"]["word"]) == ("done", "1 key made")
    batch = words_of(told["pieces"]["batch"])
    assert "1 key made" in batch
    assert "No further approved case" in batch
    assert "of 3" not in batch
