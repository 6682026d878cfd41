"""The screen of seal preparation over HTTP: who may enter, what leaves the house, what comes back for strange input."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.casework import Office
from tests.support.database import Database
from tests.support.desk import Desk, DeskBrowser, open_desk
from tests.support.seals import A4, SealOffice, Stamp, letter
from workbench.cases.models import Application
from workbench.cases.words import Service
from workbench.kernel.audit import AuditEntry
from workbench.kernel.identity import Role
from workbench.keys.models import Seal
from workbench.production.seals import queries
from workbench.production.seals.cutting import Crop

FRAME = {"x0": 39 / A4[0], "y0": 187 / A4[1], "x1": 81 / A4[0], "y1": 229 / A4[1]}


@dataclass
class Preparing:
    """A case that waits, and a maker's browser."""

    desk: Desk
    bench: SealOffice
    browser: DeskBrowser
    case_id: int

    @property
    def path(self) -> str:
        """The case's page."""
        return f"/desk/production/seals/{self.case_id}"

    def form(self, **changes: object) -> dict[str, object]:
        """What the page would send for its frame."""
        maker = self.bench.maker()
        with self.bench.office.work(maker) as session:
            version = session.get_one(Application, self.case_id).version
            page_id = queries.letter_pages(session, maker, self.case_id)[0].page.id
        return {"version": version, "page_id": page_id, "rotation": 0, "tilt": 0, **FRAME, **changes}

    def viewed(self) -> int:
        """How often looking at a file was recorded."""
        with self.bench.office.work() as session:
            return len(session.scalars(select(AuditEntry).where(AuditEntry.action == "attachment.viewed")).all())


@pytest.fixture
def preparing(fresh_database: Database, tmp_path: Path, office: Office) -> Iterator[Preparing]:
    """The whole application, a case with a letter in production, somebody who makes keys."""
    with open_desk(fresh_database, tmp_path, office) as desk:
        bench = SealOffice(office, tmp_path / "var", key_algorithm="rsa-2048")
        yield Preparing(desk, bench, desk.browser(Role.KEY_MAKER), bench.case())


def test_only_makers_of_keys_enter(preparing: Preparing) -> None:
    for role in Role:
        expected = 200 if role is Role.KEY_MAKER else 403
        browser = preparing.desk.browser(role)
        browser.open("/desk/production/seals/", expected)
        browser.open(preparing.path, expected)
    assert preparing.desk.app.test_client().get(preparing.path).status_code in (302, 303, 401)


def test_the_page_shows_the_seal_before_any_script_runs_and_records_the_view(preparing: Preparing) -> None:
    assert preparing.viewed() == 0
    page = preparing.browser.open(preparing.path)
    assert "data:image/png;base64," in page
    assert "40 × 40 mm" in page
    assert "The enterprise has no earlier seal." in page
    assert preparing.viewed() == 1


def test_the_form_alone_keeps_the_seal_and_leads_on(preparing: Preparing) -> None:
    other = preparing.bench.case()
    answer = preparing.browser.send(f"{preparing.path}/accept", page=preparing.path, **preparing.form())
    assert answer.status_code == 303
    assert answer.location.endswith(f"/desk/production/seals/{other}")
    with preparing.bench.office.work() as session:
        assert queries.find_live(session, preparing.case_id) is not None
    listed = preparing.browser.open("/desk/production/seals/?show=prepared")
    assert f"seals/{preparing.case_id}" in listed
    again = preparing.browser.open(preparing.path)
    assert "Accept anew" in again


def test_a_preview_tells_size_warnings_and_problems(preparing: Preparing) -> None:
    def preview(**changes: object) -> Any:
        sent = preparing.form(**changes)
        answer = preparing.browser.send(f"{preparing.path}/preview", page=preparing.path, **sent)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.json

    whole = preview()
    assert (whole["width"], whole["height"], whole["warnings"], whole["problem"]) == (40, 40, [], None)
    assert preview(x0=50 / A4[0])["warnings"] == ["The frame cuts the impression: make it larger."]
    assert preview(x0=0.6, x1=0.8)["problem"] == "There is no red impression in the frame."
    for strange in ({"x0": "nan"}, {"x0": ""}, {"tilt": "1e400"}, {"rotation": "7"}, {"width_mm": "-3"}, {"y1": "0.1"}):
        assert preview(**strange)["problem"], strange


@pytest.mark.parametrize("page", ["0", "", "x", "99999999999999999999", "-1"])
def test_pages_of_nothing_are_refused(preparing: Preparing, page: str) -> None:
    sent = preparing.form(page_id=page)
    assert preparing.browser.send(f"{preparing.path}/preview", page=preparing.path, **sent).status_code == 400
    assert preparing.browser.send(f"{preparing.path}/accept", page=preparing.path, **sent).status_code == 404
    with preparing.bench.office.work() as session:
        assert session.scalars(select(Seal)).all() == []


def test_cases_that_do_not_wait_lead_back_to_the_list(preparing: Preparing) -> None:
    renewal = preparing.bench.case(service=Service.RENEWAL)
    answer = preparing.browser.client.get(f"/desk/production/seals/{renewal}")
    assert answer.status_code == 303
    assert answer.location.endswith("/desk/production/seals/")
    for unknown in (10**6, 10**30):
        preparing.browser.open(f"/desk/production/seals/{unknown}", 404)
        preparing.browser.open(f"/desk/production/seals/next?after={unknown}", 404)


def test_a_case_without_a_letter_says_so_and_can_be_skipped(preparing: Preparing) -> None:
    bare = preparing.bench.office.submit()
    preparing.bench.pass_both_desks(bare)
    page = preparing.browser.open(f"/desk/production/seals/{bare}")
    assert "has no seal confirmation letter" in page
    assert f"next?after={bare}" in page


def test_the_seal_before_is_shown_beside(preparing: Preparing) -> None:
    with preparing.bench.office.work() as session:
        application = session.get_one(Application, preparing.case_id)
        uscc, name = application.uscc, application.enterprise_name
    earlier = preparing.bench.case(letter(Stamp(width=42, height=42)), uscc=uscc, enterprise_name=name)
    preparing.bench.sign(earlier, Crop(38 / A4[0], 186 / A4[1], 82 / A4[0], 230 / A4[1]))
    page = preparing.browser.open(preparing.path)
    assert "Previous seal, 42 × 42 mm" in page
    assert page.count("data:image/png;base64,") == 2


def test_the_list_names_a_trial_seal_maker_and_counts(preparing: Preparing) -> None:
    page = preparing.browser.open("/desk/production/seals/")
    assert "TRIAL seal maker" in page
    assert preparing.browser.client.get("/desk/counts").get_json()["preparing.index"] == 1
