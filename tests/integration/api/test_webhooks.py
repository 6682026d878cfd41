"""Webhooks: nothing before the commit, each move under one id, signed, tried again until it is taken, never inside."""

import base64
import hashlib
import hmac
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.integration.api.conftest import SYSTEM, Site, facts, papers
from tests.support.casework import Office
from workbench.api import delivery, service, tasks
from workbench.api.delivery import NotDelivered
from workbench.api.models import Webhook, WebhookDelivery
from workbench.cases.models import CaseEvent
from workbench.cases.service import ANNOUNCE_TASK
from workbench.cases.words import Verdict
from workbench.kernel.errors import Conflict, Invalid
from workbench.kernel.parts import Parts

ROOT = Path(__file__).parents[3]
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Stub:
    """A site's own server: keeps what it gets and answers as a test tells it."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Callable[[int], bytes] = lambda count: b"HTTP/1.1 204 No Content\r\n\r\n"
    arrivals: "queue.Queue[Received]" = field(default_factory=queue.Queue)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running() as found:
        yield found


@contextmanager
def running() -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            stub.arrivals.put(stub.received[-1])
            self.wfile.write(stub.answer(len(stub.received)))
            self.close_connection = True

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_address[1]}/hook?a=1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield stub
    server.shutdown()
    thread.join()
    server.server_close()


def set_webhook(site: Site, url: str) -> None:
    assert site.send("PUT", "/webhook", json={"url": url, "secret": SECRET}).status_code == 200


def jobs(parts: Parts, task: str) -> list[dict[str, int]]:
    """The arguments of the jobs that wait, which leave the queue."""
    with parts.work() as session:
        rows = session.execute(
            text("SELECT id, args FROM procrastinate_jobs WHERE task_name = :task ORDER BY id"), {"task": task}
        ).all()
        session.execute(text("DELETE FROM procrastinate_events"))
        session.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = :task"), {"task": task})
        return [row.args for row in rows]


def announce(parts: Parts) -> list[int]:
    """Run the announcing jobs; the ids of the deliveries that wait to be sent."""
    for arguments in jobs(parts, ANNOUNCE_TASK):
        tasks.announce_event(**arguments)
    return [arguments["delivery_id"] for arguments in jobs(parts, service.DELIVER_TASK)]


def deliveries(parts: Parts) -> list[WebhookDelivery]:
    with parts.work() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def test_every_move_is_told_once_and_signed(site: Site, parts: Parts, office: Office, stub: Stub) -> None:
    set_webhook(site, stub.url)
    number = site.new_case(1)
    with parts.work() as session:
        case_id = session.scalars(select(CaseEvent.application_id)).one()
    office.decide(office.clerk(), case_id, Verdict.FAILED)
    assert stub.received == []
    for delivery_id in announce(parts):
        tasks.deliver_webhook(delivery_id)
    told = [json.loads(each.body) for each in stub.received]
    assert [each["type"] for each in told] == ["application.submitted", "application.pre_check_failed"]
    assert told[1]["data"] == {"number": number, "event": "pre_check_failed", "state": "returned", "round": 1}
    events = site.get(f"/applications/{number}").json["events"]
    assert [each["id"] for each in events] == [each["id"] for each in told]
    for each in stub.received:
        headers = each.headers
        assert headers["webhook-id"] == json.loads(each.body)["id"]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + each.body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert each.path == "/hook?a=1"
    assert [each.state for each in deliveries(parts)] == ["sent", "sent"]


def test_running_twice_tells_once(site: Site, parts: Parts, stub: Stub) -> None:
    set_webhook(site, stub.url)
    site.new_case(1)
    [arguments] = jobs(parts, ANNOUNCE_TASK)
    tasks.announce_event(**arguments)
    tasks.announce_event(**arguments)
    [waiting] = jobs(parts, service.DELIVER_TASK)
    tasks.deliver_webhook(**waiting)
    tasks.deliver_webhook(**waiting)
    assert len(stub.received) == 1
    assert len(deliveries(parts)) == 1


def test_many_workers_at_once_tell_once(site: Site, parts: Parts, stub: Stub) -> None:
    set_webhook(site, stub.url)
    site.new_case(1)
    [delivery_id] = announce(parts)
    threads = [threading.Thread(target=tasks.attempt, args=(parts, delivery_id)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stub.received) == 1


def test_nothing_is_told_of_what_was_undone(
    site: Site, parts: Parts, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise RuntimeError("lost just before the end")

    set_webhook(site, stub.url)
    monkeypatch.setattr("workbench.api.application_views.idempotency.keep", break_off)
    assert site.post(facts(1), papers(), "k").status_code == 500
    assert jobs(parts, ANNOUNCE_TASK) == []


def test_it_is_tried_again_under_the_same_id_until_it_is_taken(site: Site, parts: Parts, stub: Stub) -> None:
    stub.answer = lambda count: b"HTTP/1.1 %d x\r\n\r\n" % (500 if count < 3 else 200)
    set_webhook(site, stub.url)
    site.new_case(1)
    [delivery_id] = announce(parts)
    for _ in range(2):
        with pytest.raises(NotDelivered, match="500"):
            tasks.deliver_webhook(delivery_id)
    [waiting] = deliveries(parts)
    assert (waiting.state, waiting.attempts, waiting.last_error) == ("waiting", 2, "answered with 500")
    tasks.deliver_webhook(delivery_id)
    [sent] = deliveries(parts)
    assert (sent.state, sent.attempts, sent.last_error) == ("sent", 3, None)
    assert len({each.headers["webhook-id"] for each in stub.received}) == 1
    assert len({each.body for each in stub.received}) == 1


def test_it_is_given_up_in_the_end_and_sent_again_by_hand(site: Site, parts: Parts, stub: Stub) -> None:
    stub.answer = lambda count: b"HTTP/1.1 503 x\r\n\r\n"
    set_webhook(site, stub.url)
    site.new_case(1)
    [delivery_id] = announce(parts)
    for _ in range(tasks.MAX_ATTEMPTS - 1):
        assert tasks.attempt(parts, delivery_id) is not None
    with parts.work() as session, pytest.raises(Conflict):
        service.send_again(session, SYSTEM, delivery_id)
    assert tasks.attempt(parts, delivery_id) is None
    assert deliveries(parts)[0].state == "failed"
    assert tasks.attempt(parts, delivery_id) is None
    assert len(stub.received) == tasks.MAX_ATTEMPTS
    stub.answer = lambda count: b"HTTP/1.1 200 OK\r\n\r\n"
    with parts.work() as session:
        service.send_again(session, SYSTEM, delivery_id)
    assert jobs(parts, service.DELIVER_TASK) == [{"delivery_id": delivery_id}]
    tasks.deliver_webhook(delivery_id)
    assert (deliveries(parts)[0].state, deliveries(parts)[0].attempts) == ("sent", 1)


def test_redirects_are_not_followed(site: Site, parts: Parts, stub: Stub) -> None:
    with running() as elsewhere:
        stub.answer = lambda count: f"HTTP/1.1 307 x\r\nLocation: {elsewhere.url}\r\n\r\n".encode()
        set_webhook(site, stub.url)
        site.new_case(1)
        [delivery_id] = announce(parts)
        with pytest.raises(NotDelivered, match="307"):
            tasks.deliver_webhook(delivery_id)
        assert elsewhere.received == []


@pytest.mark.serial
def test_the_worker_tells_and_tells_again(site: Site, parts: Parts, stub: Stub) -> None:
    """The real process: announced by the committed job, refused once, taken after the first pause."""
    stub.answer = lambda count: b"HTTP/1.1 %d x\r\n\r\n" % (500 if count == 1 else 200)
    set_webhook(site, stub.url)
    number = site.new_case(1)
    environment = {
        **os.environ,
        "WORKBENCH_APP_DATABASE_URL": parts.engine.url.set(drivername="postgresql").render_as_string(False),
        "WORKBENCH_VAR_DIR": str(parts.settings.var_dir),
        "WORKBENCH_WEBHOOKS_INSIDE": "true",
    }
    worker = subprocess.Popen([sys.executable, "-m", "workbench", "worker"], env=environment, cwd=ROOT)
    try:
        first, second = stub.arrivals.get(timeout=60), stub.arrivals.get(timeout=60)
    finally:
        worker.terminate()
        worker.wait(30)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert json.loads(second.body)["data"]["number"] == number
    assert [(each.state, each.attempts) for each in deliveries(parts)] == [("sent", 2)]


@pytest.mark.parametrize("answer", [b"", b"hello\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 abc\r\n", b"x" * 10_000])
def test_what_is_no_answer_counts_as_none(stub: Stub, answer: bytes) -> None:
    stub.answer = lambda count: answer
    with pytest.raises(NotDelivered):
        delivery.post(stub.url, b"{}", {}, inside=True)


def test_a_server_that_dribbles_is_left(stub: Stub) -> None:
    let_go = threading.Event()

    def dribble(count: int) -> bytes:
        let_go.wait(20)
        return b""

    stub.answer = dribble
    with pytest.raises(NotDelivered, match=r"[Tt]ime"):
        delivery.post(stub.url, b"{}", {}, inside=True, seconds=0.3)
    let_go.set()


def test_a_removed_webhook_is_told_nothing_more(site: Site, parts: Parts, stub: Stub) -> None:
    set_webhook(site, stub.url)
    number = site.new_case(1)
    [delivery_id] = announce(parts)
    assert site.send("DELETE", "/webhook").status_code == 204
    assert site.get("/webhook").status_code == 404
    assert site.send("DELETE", "/webhook").status_code == 404
    assert tasks.attempt(parts, delivery_id) is None
    assert deliveries(parts)[0].last_error == "the webhook was removed"
    assert site.send("POST", f"/applications/{number}/withdrawal").status_code == 200
    assert announce(parts) == []
    assert stub.received == []


def test_each_site_is_told_of_its_own_cases_alone(site: Site, other_site: Site, parts: Parts, stub: Stub) -> None:
    with running() as theirs:
        set_webhook(site, stub.url)
        set_webhook(other_site, theirs.url)
        site.new_case(1)
        for delivery_id in announce(parts):
            tasks.deliver_webhook(delivery_id)
        assert (len(stub.received), len(theirs.received)) == (1, 0)
    assert site.get("/webhook").json["url"] == stub.url


def test_a_secret_is_shown_once_and_kept_encrypted(site: Site, parts: Parts, stub: Stub) -> None:
    made = site.send("PUT", "/webhook", json={"url": stub.url}).json
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    moved = site.send("PUT", "/webhook", json={"url": stub.url + "&b=2"}).json
    assert (moved["secret"], moved["url"]) == (None, stub.url + "&b=2")
    assert "secret" not in site.get("/webhook").json
    with parts.work() as session:
        [webhook] = session.scalars(select(Webhook)).all()
        assert made["secret"].encode() not in webhook.secret_ciphertext
        assert service.secret_of(parts.secrets, webhook) == made["secret"]


def test_a_secret_nobody_can_open_any_more_is_a_failed_attempt(site: Site, parts: Parts, stub: Stub) -> None:
    set_webhook(site, stub.url)
    site.new_case(1)
    [delivery_id] = announce(parts)
    with parts.work() as session:
        session.scalars(select(Webhook)).one().secret_ciphertext = b"of other keys"
    assert "secret" in str(tasks.attempt(parts, delivery_id))
    assert deliveries(parts)[0].attempts == 1
    assert stub.received == []


@pytest.mark.parametrize("secret", ["whsec_c2hvcnQ=", "whsec_" + "A" * 33, "whsec_" + "A" * 88, "nothing" * 8])
def test_a_poor_secret_is_refused(site: Site, stub: Stub, secret: str) -> None:
    answer = site.send("PUT", "/webhook", json={"url": stub.url, "secret": secret})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/secret"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.invalid/",
        "http://127.0.0.1:80/",
        "http://localhost/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://user:word@example.invalid/",
        "https://example.invalid/#part",
        "https://example.invalid:99999/",
        "https:///path",
        "ftp://example.invalid/",
    ],
)
def test_messages_never_go_inside_unless_the_installation_says_so(url: str) -> None:
    with pytest.raises(Invalid):
        delivery.read_url(url, inside=False)
    with pytest.raises(NotDelivered):
        delivery.post(url, b"{}", {}, inside=False)


def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(host: str, port: int, **_: object) -> list[Any]:
        return [(2, 1, 6, "", ("1.1.1.1", port)), (2, 1, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr("workbench.api.delivery.socket.getaddrinfo", looked_up)
    with pytest.raises(NotDelivered, match="private network"):
        delivery.post("https://example.invalid/", b"{}", {}, inside=False)


@pytest.mark.parametrize("url", ["https://169.254.169.254/", "https://224.0.0.1/", "http://10.0.0.1/"])
def test_some_addresses_are_never_reached(url: str) -> None:
    with pytest.raises(Invalid):
        delivery.read_url(url, inside=True)
