"""What comes out of the bench's printer: labels of verified keys and of no others, each printing on record; a batch's
keys with one label each, in one file.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests.integration.production.bench_floor import Floor, open_floor, words_of
from tests.support.database import Database
from tests.support.prints import drawn, pages_of, text_of
from workbench.kernel.audit import AuditEntry
from workbench.keys.models import Token
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import move
from workbench.production.models import Batch, Making
from workbench.production.tokens.driver import Fault


@pytest.fixture
def bench(fresh_database: Database, tmp_path: Path) -> Iterator[Floor]:
    """A maker who sits at the bench."""
    with open_floor(fresh_database, tmp_path) as floor:
        floor.sit_down()
        yield floor


def printings(bench: Floor) -> list[tuple[str, bool]]:
    """Which labels were printed, and whether again, in order."""
    found = bench.workshop.read(
        lambda session: session.scalars(
            select(AuditEntry.after).where(AuditEntry.action == "label.printed").order_by(AuditEntry.at, AuditEntry.seq)
        ).all()
    )
    return [(entry["serial"], entry["again"]) for entry in found if entry]


def test_a_label_is_printed_of_a_verified_key_and_each_printing_is_recorded(bench: Floor) -> None:
    bench.workshop.approved(enterprise_name="示例远航进出口有限公司")
    (serial,) = bench.tokens()
    making = bench.making_id(bench.scan(serial))
    refused = bench.act("labels", making=making)
    assert refused.status_code == 409
    assert f"Token {serial} has not been read back and verified" in refused.get_json()["detail"]
    bench.agent.work()
    first = bench.act("labels", making=making)
    assert (first.status_code, first.mimetype) == (200, "application/pdf")
    assert first.headers["Cache-Control"] == "no-store"
    assert serial not in first.headers["Content-Disposition"]
    assert [each.text for each in zxingcpp.read_barcodes(drawn(first.data))] == [serial]
    for said in ("示例远航进出口有限公司", serial, "试用"):
        assert said in text_of(first.data)
    printed_at = bench.workshop.making(making).label_printed_at
    assert printed_at is not None
    assert bench.state()["labels"] == []
    assert bench.act("labels", making=making).data == first.data
    assert bench.workshop.making(making).label_printed_at == printed_at
    assert printings(bench) == [(serial, False), (serial, True)]


def test_a_key_whose_token_was_set_aside_afterwards_gets_no_label(bench: Floor) -> None:
    (made,) = bench.made()
    with bench.workshop.parts.work() as session:
        token = session.get_one(Token, session.get_one(Making, made).token_id)
        move(session, token.id, TokenMove.SPOIL, bench.maker, remark="断裂")
        serial = token.serial
    refused = bench.act("labels", making=made)
    assert refused.get_json()["detail"] == f"Token {serial} was set aside as spoiled."
    assert printings(bench) == []


def test_the_database_itself_takes_no_label_of_an_unverified_key(bench: Floor) -> None:
    bench.workshop.approved()
    (serial,) = bench.tokens()
    making = bench.making_id(bench.scan(serial))
    with bench.workshop.parts.work() as session:
        for column in ("label_printed_at", "pin_printed_at"):
            with pytest.raises(IntegrityError, match="unverified"), session.begin_nested():
                session.execute(text(f"UPDATE making SET {column} = now() WHERE id = :id"), {"id": making})


def test_unknown_keys_and_none_are_refused(bench: Floor) -> None:
    (made,) = bench.made()
    for wanted in ([], ["0"], ["x"], ["999"], [str(made), "999"], [str(10**30)]):
        assert bench.act("labels", making=wanted).status_code == 404, wanted
    assert bench.act("labels", batch="77").status_code == 404
    assert printings(bench) == []


def test_a_batch_shows_how_far_it_is_and_prints_its_labels_as_one_file(bench: Floor) -> None:
    for name in ("示例甲有限公司", "示例乙有限公司", "示例丙有限公司"):
        bench.workshop.approved(enterprise_name=name)
    serials = bench.tokens(3)
    bench.show_agent()
    assert "3 blank tokens of the stock are plugged in." in words_of(bench.state()["pieces"]["batch"])
    assert bench.act("batches", wanted="3").get_json()["tone"] == "ok"
    seen = []
    for _ in range(40):
        bench.agent_step()
        told = bench.state()
        seen.append(words_of(told["pieces"]["batch"]))
        if "running" not in told["pulse"] and "work:" not in told["pulse"]:
            break
        assert told["labels"] == []
        assert told["wait"] == 400
    assert any("1 / 3" in said and "示例甲有限公司" in said for said in seen)
    assert any("2 / 3" in said and "示例乙有限公司" in said for said in seen)
    assert "3 of 3 made" in seen[-1]
    assert told["said"]["tone"] == "done"
    assert len(told["labels"]) == 3
    batch = bench.workshop.read(lambda session: session.scalars(select(Batch.id)).one())
    labels = bench.act("labels", batch=batch)
    assert pages_of(labels.data) == 3
    assert [serial for serial, _ in printings(bench)] == serials
    assert "Print 3 labels again" in words_of(bench.state()["pieces"]["batch"])


def test_a_batch_stops_at_the_first_fault_and_shows_it(bench: Floor) -> None:
    for _ in range(3):
        bench.workshop.approved()
    first, second, _third = bench.tokens(3)
    bench.show_agent()
    bench.act("batches", wanted="3")
    while "1 / 3" not in words_of(bench.state()["pieces"]["batch"]):
        bench.agent_step()
    bench.driver.fail("write_certificate", Fault.TOKEN_PULLED)
    while bench.state()["wait"] == 400:
        bench.agent_step()
    told = bench.state()
    assert told["fault"] is True
    assert "The token was pulled out" in told["said"]["word"]
    assert "The token was pulled out" in words_of(told["pieces"]["job"])
    assert second in told["pieces"]["job"]
    assert "1 of 3 made The token was pulled out" in words_of(bench.page().split('data-piece="batch"')[1])
    assert bench.act("batches", wanted="2").status_code == 409
    assert first != second


def test_a_batch_is_stopped_by_its_maker_alone_and_finishes_the_key_in_work(bench: Floor) -> None:
    for _ in range(2):
        bench.workshop.approved()
    bench.tokens(2)
    bench.show_agent()
    bench.act("batches", wanted="2")
    bench.agent_step()
    batch = bench.workshop.read(lambda session: session.scalars(select(Batch.id)).one())
    _, other = bench.hire("second")
    assert bench.act(f"batches/{batch}/stop", other).status_code == 404
    assert bench.act(f"batches/{batch}/stop").get_json()["tone"] == "ok"
    bench.agent_until_idle()
    told = bench.state()
    assert "1 of 2 made" in words_of(told["pieces"]["batch"])
    assert "The maker stopped the batch." in words_of(told["pieces"]["batch"])
    assert told["pulse"].startswith("batch:")
