"""Short messages: one line a message until a gateway is configured, then posted under an id of their own; numbers are
dialled as they are meant, and stand in no reason of a failure."""

import json
import stat

import pytest
from pydantic import AnyUrl
from sqlalchemy import select

from tests.support.gateway import Gateway, running_gateway
from workbench.kernel import outbox, tasks
from workbench.kernel.mail import deliver, send_message
from workbench.kernel.outbox import MessageChannel, MessageState, OutboxMessage, SendFailed
from workbench.kernel.parts import Parts
from workbench.kernel.sms import HttpSender, dialled

NUMBER = "10000000000"


def post(parts: Parts, recipient: str = NUMBER, event: str = "case:1:returned:sms") -> int:
    with parts.work() as session:
        outbox.post(
            session, event=event, recipient=recipient, subject="", body="请补正材料。", channel=MessageChannel.SMS
        )
    with parts.work() as session:
        return session.scalars(select(OutboxMessage.id).where(OutboxMessage.event == event)).one()


def message(parts: Parts, message_id: int) -> OutboxMessage:
    with parts.work() as session:
        return session.get_one(OutboxMessage, message_id)


def over_gateway(parts: Parts, gateway: Gateway, user: str = "") -> Parts:
    url = AnyUrl(f"http://{user}127.0.0.1:{gateway.port}/send?from=1")
    changed = Parts(
        parts.settings.model_copy(update={"sms_url": url}),
        parts.engine,
        parts.session_factory,
        parts.secrets,
        parts.blobs,
    )
    tasks.install(changed)
    return changed


def lines(parts: Parts) -> list[dict[str, str]]:
    return [json.loads(line) for line in (parts.settings.var_dir / "sms.log").read_text("utf-8").splitlines()]


def test_without_a_gateway_a_message_is_one_line_for_its_owner_however_often_it_is_tried(parts: Parts) -> None:
    first, second = post(parts), post(parts, "+86 (100) 0000-0000", "case:2:returned:sms")
    for each in (first, second):
        deliver(parts.settings, message(parts, each))
        send_message(each)
        send_message(each)
    assert [(line["id"], line["to"]) for line in lines(parts)] == [
        (f"outbox-{first}", NUMBER),
        (f"outbox-{second}", "+8610000000000"),
    ]
    assert {line["text"] for line in lines(parts)} == {"请补正材料。"}
    assert stat.S_IMODE((parts.settings.var_dir / "sms.log").stat().st_mode) == 0o600
    assert message(parts, first).state == MessageState.SENT
    assert not parts.settings.mail_dir.exists()


def test_a_line_torn_by_a_lost_machine_does_not_count_as_written(parts: Parts) -> None:
    number = post(parts)
    log = parts.settings.var_dir / "sms.log"
    log.write_text(f'{{"id": "outbox-{number}", "at": "20')
    send_message(number)
    torn, whole = log.read_text("utf-8").splitlines()
    assert torn.endswith("20")
    assert json.loads(whole)["id"] == f"outbox-{number}"


def test_a_gateway_is_given_id_number_and_text_and_its_password_in_the_header(parts: Parts) -> None:
    with running_gateway() as gateway:
        parts = over_gateway(parts, gateway, "name:p%40ss@")
        number = post(parts)
        send_message(number)
        send_message(number)
    assert gateway.received == [{"id": f"outbox-{number}", "to": NUMBER, "text": "请补正材料。"}]
    assert gateway.authorisations == ["Basic bmFtZTpwQHNz"]
    assert not (parts.settings.var_dir / "sms.log").exists()


def test_a_gateway_that_fails_is_tried_again_under_the_same_id(parts: Parts) -> None:
    with running_gateway() as gateway:
        parts = over_gateway(parts, gateway)
        number = post(parts)
        for answer in (503, 429):
            gateway.answer = answer
            with pytest.raises(SendFailed):
                send_message(number)
            assert message(parts, number).state == MessageState.WAITING
        gateway.answer = 200
        send_message(number)
    assert [each["id"] for each in gateway.received] == [f"outbox-{number}"] * 3
    assert message(parts, number).state == MessageState.SENT


@pytest.mark.parametrize("answer", [400, 404, "http://127.0.0.1:9/elsewhere"])
def test_a_refusal_and_a_redirect_fail_at_once_without_the_number_in_the_reason(
    parts: Parts, answer: int | str
) -> None:
    with running_gateway() as gateway:
        gateway.answer = answer
        parts = over_gateway(parts, gateway)
        number = post(parts)
        send_message(number)
    failed = message(parts, number)
    assert failed.state == MessageState.FAILED
    assert failed.last_error is not None
    assert NUMBER not in failed.last_error
    assert len(gateway.received) == 1


def test_a_gateway_that_is_away_is_tried_again() -> None:
    with running_gateway() as gateway:
        url = AnyUrl(f"http://127.0.0.1:{gateway.port}/")
    with pytest.raises(SendFailed, match="ConnectionRefused") as failure:
        HttpSender(url).send("outbox-1", NUMBER, "示例")
    assert not failure.value.final


@pytest.mark.parametrize("untrusted", ["", "none", "123456", "1" * 21, "1000000000a", "10000000000;10000000001"])
def test_what_is_no_telephone_number_fails_for_good(parts: Parts, untrusted: str) -> None:
    number = post(parts, untrusted)
    send_message(number)
    assert message(parts, number).state == MessageState.FAILED
    assert not (parts.settings.var_dir / "sms.log").exists()


@pytest.mark.parametrize("untrusted", ["100 0000 0000", "１００００００００００", "100-0000-0000", "（100）00000000"])
def test_numbers_are_dialled_as_they_are_meant(untrusted: str) -> None:
    assert dialled(untrusted) == NUMBER
