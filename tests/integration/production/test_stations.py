"""Benches: a credential shown once, one maker at one bench whatever happens at once, and the administrator's screen."""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.support.bench import Workshop
from tests.support.casework import SYSTEM
from tests.support.desk import Desk, DeskBrowser
from workbench import create_app
from workbench.kernel.audit import AuditEntry
from workbench.kernel.clock import clock_at, now
from workbench.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from workbench.kernel.identity import Actor, Role
from workbench.production import stations
from workbench.production.batches import start_batch
from workbench.production.models import Batch, BenchStation, Making
from workbench.production.protocol import Plugged
from workbench.production.station_queries import ONLINE_WITHIN, list_stations, station_state

PATH = "/desk/stations"
EVIL = '"><img src=x onerror=alert(1)>{{7*7}}'


def make(workshop: Workshop, name: str = "一号台") -> tuple[int, str]:
    with workshop.parts.work() as session:
        station, value = stations.create_station(session, SYSTEM, name)
        return station.id, value


def sit_down(workshop: Workshop, who: Actor, station_id: int) -> None:
    with workshop.parts.work() as session:
        stations.take_station(session, who, station_id)


def makers(workshop: Workshop) -> dict[str, int | None]:
    return workshop.read(lambda session: {each.name: each.maker_id for each in list_stations(session)})


def actions(workshop: Workshop, station_id: int) -> list[str]:
    chain = select(AuditEntry.action).where(AuditEntry.chain == f"station:{station_id}").order_by(AuditEntry.seq)
    return workshop.read(lambda session: list(session.scalars(chain)))


def test_a_credential_is_found_by_its_hash_alone(workshop: Workshop) -> None:
    station_id, value = make(workshop)
    assert re.fullmatch(r"wbs_[\w-]{43}", value)
    kept = workshop.read(lambda session: session.get_one(BenchStation, station_id))
    assert value not in repr(vars(kept))
    assert kept.hint == value[:12]
    found = stations.find_station(workshop.parts, value)
    assert found is not None
    assert (found.id, found.kind) == (station_id, "bench")
    for wrong in (None, "", value[:-1], value + "x", value.swapcase(), f" {value}", "wbk_" + value[4:], "' OR 1=1"):
        assert stations.find_station(workshop.parts, wrong) is None


def test_being_seen_is_what_makes_a_bench_online(workshop: Workshop) -> None:
    station_id, value = make(workshop)

    def state() -> tuple[bool, int]:
        found = workshop.read(lambda session: station_state(session, station_id))
        return found.online, len(found.plugged)

    assert state() == (False, 0)
    stations.find_station(workshop.parts, value)
    plugged = Plugged(serial="01", label="blank", model="m", maker="k", blank=True)
    with workshop.parts.work() as session:
        session.get_one(BenchStation, station_id).plugged = [plugged.model_dump()]
    assert state() == (True, 1)
    with clock_at(now() + ONLINE_WITHIN):
        assert state() == (False, 0)


def test_another_credential_takes_the_place_of_the_first(workshop: Workshop) -> None:
    station_id, first = make(workshop)
    with workshop.parts.work() as session:
        _, second = stations.renew_credential(session, SYSTEM, station_id)
    assert stations.find_station(workshop.parts, first) is None
    assert stations.find_station(workshop.parts, second) is not None
    entries = workshop.read(lambda session: session.scalars(select(AuditEntry)).all())
    assert not any(value[12:] in repr(vars(entry)) for value in (first, second) for entry in entries)


def test_a_revoked_bench_opens_nothing_and_what_was_in_work_there_goes_on_elsewhere(workshop: Workshop) -> None:
    station_id, value = make(workshop)
    sit_down(workshop, workshop.maker, station_id)
    workshop.stock("A1")
    case = workshop.approved()
    making_id = workshop.scan(station_id, "A1")
    with workshop.parts.work() as session:
        stations.revoke_station(session, SYSTEM, station_id)
        stations.revoke_station(session, SYSTEM, station_id)
    assert stations.find_station(workshop.parts, value) is None
    assert actions(workshop, station_id).count("station.revoked") == 1
    with workshop.parts.work() as session:
        with pytest.raises(Conflict):
            stations.renew_credential(session, SYSTEM, station_id)
        with pytest.raises(NotFound):
            station_state(session, station_id)
        with pytest.raises(NotFound):
            stations.take_station(session, workshop.maker, station_id)
    other, _ = make(workshop, "二号台")
    sit_down(workshop, workshop.maker, other)
    assert workshop.scan(other, "A1") == making_id
    making = workshop.making(making_id)
    assert (making.station_id, making.application_id, making.state) == (other, case, "open")


def test_a_revoked_benchs_batch_ends(workshop: Workshop) -> None:
    station_id, _ = make(workshop)
    sit_down(workshop, workshop.maker, station_id)
    with workshop.parts.work() as session:
        batch_id = start_batch(session, workshop.maker, station_id, 5).id
        stations.revoke_station(session, SYSTEM, station_id)
    batch = workshop.read(lambda session: session.get_one(Batch, batch_id))
    assert (batch.state, batch.reason) == ("stopped", "revoked")


def test_a_maker_sits_at_one_bench_and_a_bench_has_one_maker(workshop: Workshop) -> None:
    first, second = make(workshop, "一号台")[0], make(workshop, "二号台")[0]
    other = workshop.hire_maker()
    sit_down(workshop, workshop.maker, first)
    sit_down(workshop, workshop.maker, first)
    assert makers(workshop) == {"一号台": workshop.maker.id, "二号台": None}
    sit_down(workshop, workshop.maker, second)
    assert makers(workshop) == {"一号台": None, "二号台": workshop.maker.id}
    sit_down(workshop, other, second)
    assert makers(workshop) == {"一号台": None, "二号台": other.id}
    with workshop.parts.work() as session:
        assert stations.find_own_station(session, workshop.maker) is None
        stations.leave_station(session, workshop.maker)
        stations.leave_station(session, other)
    assert makers(workshop) == {"一号台": None, "二号台": None}
    assert actions(workshop, first) == ["station.created", "station.taken", "station.left"]
    assert actions(workshop, second) == ["station.created", "station.taken", "station.taken", "station.left"]


def test_nobody_moves_while_a_key_is_in_work(workshop: Workshop) -> None:
    here, there = make(workshop, "一号台")[0], make(workshop, "二号台")[0]
    sit_down(workshop, workshop.maker, here)
    workshop.stock("A1")
    workshop.approved()
    making_id = workshop.scan(here, "A1")
    for who, bench in ((workshop.hire_maker(), here), (workshop.maker, there)):
        with pytest.raises(Conflict, match="一号台"):
            sit_down(workshop, who, bench)
    with pytest.raises(Conflict, match="一号台"):
        _leave(workshop, workshop.maker)
    assert makers(workshop) == {"一号台": workshop.maker.id, "二号台": None}
    with workshop.parts.work() as session:
        session.get_one(Making, making_id).station_id = None
    _leave(workshop, workshop.maker)
    with workshop.parts.work() as session:
        stations.take_station(session, workshop.maker, here)
        start_batch(session, workshop.maker, here, 3)
    with pytest.raises(Conflict, match="一号台"):
        _leave(workshop, workshop.maker)


def _leave(workshop: Workshop, who: Actor) -> None:
    with workshop.parts.work() as session:
        stations.leave_station(session, who)


def test_twenty_makers_at_three_benches_at_once(workshop: Workshop) -> None:
    """Everybody rushes to every bench: afterwards no maker sits at two, and no bench was lost to a deadlock."""
    benches = [make(workshop, f"{number}号台")[0] for number in range(3)]
    people = [workshop.hire_maker() for _ in range(20)]
    rush = [(person, bench) for bench in benches for person in people]
    with ThreadPoolExecutor(10) as pool:
        for done in [pool.submit(sit_down, workshop, person, bench) for person, bench in rush]:
            done.result(60)
    seated = [maker for maker in makers(workshop).values() if maker is not None]
    assert 1 <= len(seated) == len(set(seated))


def test_a_holders_machine_serves_one_case_for_a_while(workshop: Workshop) -> None:
    case = workshop.approved(sealed=False)

    def open_door() -> str:
        with workshop.parts.work() as session:
            life = timedelta(hours=1)
            return stations.create_holder_station(session, SYSTEM, case, "EK20260000001", life)[1]

    first = open_door()
    found = stations.find_station(workshop.parts, first)
    assert found is not None
    assert found.kind == "holder"
    second = open_door()
    assert stations.find_station(workshop.parts, first) is None
    assert stations.find_station(workshop.parts, second) is not None
    with clock_at(now() + timedelta(hours=1)):
        assert stations.find_station(workshop.parts, second) is None
    with workshop.parts.work() as session:
        assert list_stations(session) == []
        with pytest.raises(NotFound):
            stations.take_station(session, workshop.maker, found.id)
        with pytest.raises(NotFound):
            stations.renew_credential(session, SYSTEM, found.id)


def test_a_bench_needs_a_name(workshop: Workshop) -> None:
    for name in ("", "   ", "x" * 61, "a\x00b", "a\nb"):
        with pytest.raises(Invalid):
            make(workshop, name)


def test_names_are_given_once(workshop: Workshop) -> None:
    make(workshop)
    with pytest.raises(Conflict):
        make(workshop, " 一号台 ")


def test_who_may_do_what(workshop: Workshop) -> None:
    for role in Role:
        station_id, _ = make(workshop, f"{role}的台")
        somebody = Actor("staff", workshop.maker.id, "示例", frozenset({role}))
        with workshop.parts.work() as session:
            sitting = (
                lambda: stations.take_station(session, somebody, station_id),  # noqa: B023 - called in this round
                lambda: stations.leave_station(session, somebody),  # noqa: B023
            )
            keeping = (
                lambda: stations.create_station(session, somebody, f"{role}的第二台"),  # noqa: B023
                lambda: stations.renew_credential(session, somebody, station_id),  # noqa: B023
                lambda: stations.revoke_station(session, somebody, station_id),  # noqa: B023
            )
            for acts, allowed in ((sitting, Role.KEY_MAKER), (keeping, Role.ADMINISTRATOR)):
                for act in acts:
                    with contextlib.nullcontext() if role is allowed else pytest.raises(NotAllowed):
                        act()


@pytest.fixture
def desk(workshop: Workshop) -> Desk:
    return Desk(create_app(parts=workshop.parts), workshop.parts, workshop.office.authority_ids[0])


def shown(text: str) -> str:
    [value] = set(re.findall(r"wbs_[\w-]{43}", text))
    return str(value)


def test_the_administrator_adds_renews_and_revokes_a_bench(desk: Desk, workshop: Workshop) -> None:
    administrator: DeskBrowser = desk.browser(Role.ADMINISTRATOR)
    assert "No bench yet" in administrator.open(f"{PATH}/")
    made = administrator.send(f"{PATH}/", name=EVIL)
    assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    assert "<img src=x" not in made.text
    first = shown(made.text)
    page = administrator.open(f"{PATH}/")
    assert "<img src=x" not in page
    assert first not in page
    assert first[:12] in page
    assert "Never seen" in page
    assert stations.find_station(workshop.parts, first) is not None
    assert "Online" in administrator.open(f"{PATH}/")
    [renew] = re.findall(rf'action="({PATH}/\d+/credential)"', page)
    second = shown(administrator.send(renew, page=f"{PATH}/").text)
    assert stations.find_station(workshop.parts, first) is None
    [revoke] = re.findall(rf'action="({PATH}/\d+/revoke)"', page)
    assert administrator.send(revoke, page=f"{PATH}/").status_code == 303
    assert stations.find_station(workshop.parts, second) is None
    page = administrator.open(f"{PATH}/")
    assert "Revoked" in page
    assert "/revoke" not in page
    assert administrator.send(renew, page=f"{PATH}/").status_code == 409


def test_what_cannot_be_made_is_said(desk: Desk, workshop: Workshop) -> None:
    make(workshop)
    administrator = desk.browser(Role.ADMINISTRATOR)
    for name in ("", "x" * 61, "一号台"):
        answer = administrator.send(f"{PATH}/", name=name)
        assert (answer.status_code, re.findall(r"wbs_[\w-]{43}", answer.text)) == (400, [])
    for number in (999_999, 2**63):
        assert administrator.send(f"{PATH}/{number}/revoke", page=f"{PATH}/").status_code == 404


def test_the_screen_is_the_administrators_alone(desk: Desk) -> None:
    for role in (Role.KEY_MAKER, Role.VENDOR_SUPERVISOR, Role.AUDITOR, Role.AUTHORITY_SUPERVISOR):
        desk.browser(role).open(f"{PATH}/", status=403)
