"""Check-lists: versions that are published and never edited, pinned to submissions, and the administrator's screens."""

import re
from collections.abc import Callable
from dataclasses import replace

import html5lib
import pytest
from sqlalchemy import func, select

from tests.integration.documents.conftest import SIX, SYSTEM, Browser, actor
from workbench.cases.models import Application
from workbench.cases.words import Service
from workbench.documents.drafts import DocumentDraft, InvalidRequirements
from workbench.documents.models import RequirementVersion
from workbench.documents.requirements import (
    current_version,
    drafts_of,
    effective_documents,
    publish_version,
    seed_requirements,
    versions_for,
)
from workbench.documents.seed import LEGIBLE, USER_AGREEMENT
from workbench.documents.service import current_submission
from workbench.kernel.audit import AuditEntry
from workbench.kernel.errors import Conflict, Invalid, NotAllowed
from workbench.kernel.parts import Parts

Browsers = Callable[[str], Browser]
EXTRA = DocumentDraft("loss_statement", "遗失声明", "Statement of loss", "加盖公章", "company seal", (LEGIBLE,))


def test_seeding_twice_publishes_once(parts: Parts) -> None:
    with parts.work() as session:
        assert seed_requirements(session, SYSTEM) == 0
        assert session.scalar(select(func.count()).select_from(RequirementVersion)) == len(Service)


def test_a_submission_keeps_the_list_it_was_made_under(
    parts: Parts, case_of: Callable[..., Application], authority_ids: list[int]
) -> None:
    case = case_of(authority_ids[0])
    administrator = actor(parts, "administrator")
    with parts.work() as session:
        drafts = drafts_of(session, current_version(session, Service.NEW))
        version = publish_version(session, administrator, Service.NEW, None, drafts[:-1], "协议书改为线上签署")
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.subject == f"requirement_version:{version.id}")
        ).one()
    assert entry.after
    assert (entry.after["version"], entry.actor) == (2, administrator.label)
    with parts.work() as session:
        submission = current_submission(session, session.get_one(Application, case.id))
        documents = effective_documents(session, submission.requirement_version_id, submission.extra_version_id)
        assert [document.code for document in documents] == list(SIX)
        now_asked = effective_documents(session, *versions_for(session, Service.NEW, authority_ids[0]))
        assert [document.code for document in now_asked] == list(SIX[:-1])
        publish_version(session, administrator, Service.NEW, None, [*drafts[:-1], USER_AGREEMENT], "恢复")


def test_an_authority_s_own_documents_stand_behind_the_service_s_and_nobody_else_s(
    parts: Parts, authority_ids: list[int]
) -> None:
    ours, others = authority_ids
    administrator = actor(parts, "administrator")
    with parts.work() as session:
        publish_version(session, administrator, Service.REPLACEMENT, ours, [EXTRA], "本机构要求")
        codes = [d.code for d in effective_documents(session, *versions_for(session, Service.REPLACEMENT, ours))]
        assert codes == [*SIX, "loss_statement"]
        assert versions_for(session, Service.REPLACEMENT, others)[1] is None
        drafts = drafts_of(session, current_version(session, Service.REPLACEMENT))
        with pytest.raises(InvalidRequirements):
            publish_version(session, administrator, Service.REPLACEMENT, None, [*drafts, EXTRA], "与附加材料重名")
        with pytest.raises(InvalidRequirements):
            publish_version(session, administrator, Service.REPLACEMENT, ours, [USER_AGREEMENT], "重名")
        publish_version(session, administrator, Service.REPLACEMENT, ours, [], "不再要求")
        assert len(effective_documents(session, *versions_for(session, Service.REPLACEMENT, ours))) == len(SIX)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"code": "Two Words"}, "0.code"),
        ({"name_zh": " "}, "0.name_zh"),
        ({"items": ()}, "0.items"),
        ({"items": (LEGIBLE, LEGIBLE)}, "0.items.1.code"),
        ({"items": (replace(LEGIBLE, compares="shoe_size"),)}, "0.items.0.compares"),
        ({"items": (replace(LEGIBLE, fault_zh="x" * 301),)}, "0.items.0.fault_zh"),
    ],
)
def test_a_list_nobody_could_work_with_is_refused(parts: Parts, change: dict[str, object], place: str) -> None:
    broken = replace(EXTRA, **change)  # type: ignore[arg-type]
    with parts.work() as session, pytest.raises(InvalidRequirements) as invalid:
        publish_version(session, actor(parts, "administrator"), Service.RENEWAL, None, [broken], "x")
    assert place in invalid.value.problems


def test_publishing_asks_for_permission_a_note_and_the_version_that_was_seen(parts: Parts) -> None:
    administrator = actor(parts, "administrator")
    with parts.work() as session:
        with pytest.raises(NotAllowed):
            publish_version(session, actor(parts, "re-checker"), Service.RENEWAL, None, [EXTRA], "x")
        with pytest.raises(Invalid):
            publish_version(session, administrator, Service.RENEWAL, None, [EXTRA], "  ")
        with pytest.raises(Conflict):
            publish_version(session, administrator, Service.RENEWAL, None, [EXTRA], "x", seen_version=7)


def values_of(page: str) -> dict[str, str]:
    """What a browser would send for the form on the page."""
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    form = next(each for each in tree.iter("form") if "requirement-form" in (each.get("class") or ""))
    values: dict[str, str] = {}
    for field in form.iter("input"):
        if field.get("type") != "checkbox" or field.get("checked") is not None:
            values[field.get("name")] = field.get("value") or ""
    for select_ in form.iter("select"):
        chosen = [option.get("value") for option in select_.iter("option") if option.get("selected") is not None]
        values[select_.get("name")] = chosen[0] if chosen else ""
    values.pop("csrf_token")
    return values


def test_the_form_publishes_what_it_shows_and_its_buttons_work_without_scripts(
    parts: Parts, browsers: Browsers
) -> None:
    administrator, path = browsers("administrator"), "/desk/requirements/renewal/edit"
    with parts.work() as session:
        before = drafts_of(session, current_version(session, Service.RENEWAL))
    values = values_of(administrator.get(path).text)
    moved = values_of(administrator.post(path, **values, action="down:0").text)
    assert [moved["0.code"], moved["1.code"]] == ["seal_confirmation", "application_form"]
    added = values_of(administrator.post(path, **moved, action="add:0").text)
    assert int(added["0.count"]) == int(values["1.count"]) + 1
    refused = administrator.post(path, **added, action="publish", note="")
    assert refused.status_code == 400
    trimmed = values_of(administrator.post(path, **added, action=f"remove:0:{int(added['0.count']) - 1}").text)
    answer = administrator.post(path, **trimmed, action="publish", note="调整顺序")
    assert answer.status_code == 303
    with parts.work() as session:
        version = current_version(session, Service.RENEWAL)
        assert (version.version, version.note) == (2, "调整顺序")
        assert drafts_of(session, version) == [before[1], before[0], *before[2:]]
    stale = administrator.post(path, **trimmed, action="publish", note="旧页面")
    assert stale.status_code == 409
    shown = administrator.get(answer.location)
    assert "Version 2" in shown.text
    assert administrator.get("/desk/requirements/renewal/?version=1").status_code == 200
    assert administrator.get("/desk/requirements/renewal/?version=9").status_code == 404


def test_an_authority_s_list_is_started_from_the_screen(parts: Parts, browsers: Browsers) -> None:
    administrator, path = browsers("administrator"), "/desk/requirements/new/edit?authority=120000"
    values = values_of(administrator.get(path).text)
    values |= {f"0.{name}": getattr(EXTRA, name) for name in ("code", "name_zh", "name_en", "bracket_zh", "bracket_en")}
    values |= {f"0.items.0.{name}": getattr(LEGIBLE, name) for name in ("code", "label_zh", "label_en")}
    values |= {"0.items.0.fault_zh": "不清晰", "0.items.0.fault_en": "not legible"}
    assert administrator.post(path, **values, action="publish", note="本机构要求").status_code == 303
    page = administrator.get("/desk/requirements/").text
    html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert re.search(r"requirements/new/\?authority=120000", page)
    slots = browsers("clerk-b").get("/desk/paper/new?service=new").text
    assert ('data-slot="loss_statement"' in slots) is True
    assert 'data-slot="loss_statement"' not in browsers("clerk-a").get("/desk/paper/new?service=new").text


@pytest.mark.parametrize("action", ["up:99", "remove:x", "explode", "up:0:99", "down"])
def test_a_button_that_does_not_exist_is_refused(browsers: Browsers, action: str) -> None:
    path = "/desk/requirements/additional/edit"
    values = values_of(browsers("administrator").get(path).text)
    assert browsers("administrator").post(path, **values, action=action).status_code == 400


@pytest.mark.parametrize("login", ["clerk-a", "re-checker", "auditor"])
def test_only_who_manages_check_lists_sees_the_screens(browsers: Browsers, login: str) -> None:
    for path in ("/desk/requirements/", "/desk/requirements/new/", "/desk/requirements/new/edit"):
        assert browsers(login).get(path).status_code == 403
