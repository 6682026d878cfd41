"""Drafts on a real database, in the scope of their applicant: started, saved, voided by a change, given up."""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tests.support.casework import IDENTITY, OTHER_IDENTITY, Office
from workbench.cases.facts import InvalidFacts, check_facts
from workbench.cases.models import Applicant
from workbench.cases.words import Category, Service
from workbench.config import Settings
from workbench.kernel.audit import AuditEntry
from workbench.kernel.blobs import BlobStore
from workbench.kernel.clock import SHANGHAI, now
from workbench.kernel.errors import Conflict, Invalid, NotFound
from workbench.kernel.identity import Actor, Scope
from workbench.kernel.parts import Parts
from workbench.organisation.models import Authority, PickupSite
from workbench.portal.drafting import drafts
from workbench.portal.drafting.draft_fields import EDITABLE, VALUES, can_be_kept
from workbench.portal.drafting.draft_fields import IDENTITY as IDENTITY_FIELD
from workbench.portal.models import Draft

FILLED = {
    "enterprise_name": "示例远航进出口有限公司",
    "category": "other",
    "legal_representative": "示例甲",
    "address": "示例市示例路 1 号",
    "holder_name": "示例乙",
    IDENTITY_FIELD: IDENTITY,
    "holder_mobile": "10000000000",
    "holder_email": "b@example.invalid",
}


@dataclass
class Door:
    """The front door of an office, with one applicant at it."""

    office: Office
    parts: Parts
    applicant: Applicant
    made: list[int] = field(default_factory=list)

    @property
    def actor(self) -> Actor:
        """The applicant, as the verbs know one."""
        return actor_of(self.applicant)

    def start(self, service: Service = Service.NEW, **values: str) -> int:
        """A form with these values; returns its id."""
        with self.office.work(self.actor) as session:
            return drafts.start_draft(session, self.parts, self.applicant, service, values).id

    def save(self, draft_id: int, **values: str) -> None:
        """Save and commit."""
        with self.office.work(self.actor) as session:
            draft = drafts.get_draft(session, self.actor, draft_id, lock=True)
            drafts.save_values(session, self.parts, draft, values)

    def print(self, draft_id: int) -> None:
        """As if the forms were opened."""
        with self.office.work(self.actor) as session:
            draft = drafts.get_draft(session, self.actor, draft_id, lock=True)
            drafts.mark_printed(session, self.actor, draft, "all")

    def draft(self, draft_id: int) -> Draft:
        """The form as it stands."""
        with self.office.work(self.actor) as session:
            return drafts.get_draft(session, self.actor, draft_id, open_only=False)

    def problems(self, draft_id: int) -> dict[str, str]:
        """What keeps the form from being submitted."""
        with self.office.work(self.actor) as session:
            return drafts.problems_of(session, self.parts, drafts.get_draft(session, self.actor, draft_id))


def actor_of(applicant: Applicant) -> Actor:
    return Actor("enterprise", applicant.id, applicant.name, scope=Scope(applicant_id=applicant.id), address="::1")


def new_applicant(office: Office, login: str, **more: str) -> Applicant:
    with office.work() as session:
        applicant = Applicant(
            kind="person",
            name="示例有限公司",
            uscc=more.pop("uscc", office.facts().uscc),
            login=login,
            password_hash="x",
            email="a@example.invalid",
            category="other",
            created_at=now(),
            **more,
        )
        session.add(applicant)
        session.flush()
        return applicant


@pytest.fixture
def door(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Door:
    folder = tmp_path_factory.mktemp("var")
    parts = Parts(Settings(var_dir=folder), office.engine, office.factory, office.secrets, BlobStore(folder / "blobs"))
    return Door(office, parts, new_applicant(office, "mine"))


def site_of(office: Office, place: int, name: str = "示例大厅") -> int:
    with office.work() as session:
        site = PickupSite(authority_id=office.authority_ids[place], name=name, address="示例路 2 号")
        session.add(site)
        session.flush()
        return site.id


def test_a_new_form_knows_what_the_account_knows_and_has_a_number(door: Door) -> None:
    draft = door.draft(door.start())
    assert set(draft.values) == set(VALUES)
    assert draft.values["enterprise_name"] == "示例有限公司"
    assert draft.values["uscc"] == door.applicant.uscc
    assert draft.values["holder_email"] == "a@example.invalid"
    assert draft.number.startswith("EK")
    assert (draft.version, draft.printed_version) == (1, None)


def test_starting_twice_untouched_gives_the_same_form_and_a_touched_one_another(door: Door) -> None:
    first = door.start()
    assert door.start() == first
    assert door.start(Service.REPLACEMENT) != first
    door.save(first, address="示例路 3 号")
    assert door.start() != first


def test_nobody_hoards_numbers(door: Door) -> None:
    for place in range(drafts.MOST_OPEN):
        door.save(door.start(), address=f"示例路 {place} 号")
    with pytest.raises(Conflict):
        door.start()


def test_a_complete_form_passes_the_same_check_as_a_submission(door: Door) -> None:
    draft_id = door.start()
    assert set(door.problems(draft_id)) == {"authority_id", "holder_name", IDENTITY_FIELD, "holder_mobile"}
    door.save(draft_id, **FILLED, authority_id=str(door.office.authority_ids[0]))
    assert door.problems(draft_id) == {}
    with door.office.work(door.actor) as session:
        facts = drafts.facts_of(session, door.parts, drafts.get_draft(session, door.actor, draft_id))
    check_facts(facts, now().astimezone(SHANGHAI).date())
    assert facts.holder.identity_number == IDENTITY
    assert facts.category is Category.OTHER


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"category": "mechanical_electrical"}, "machinery_account"),
        ({"enterprise_name": ""}, "enterprise_name"),
        ({"enterprise_name": "示" * 300}, "enterprise_name"),
        ({"holder_email": "a@b@c"}, "holder_email"),
        ({"address": "示" * 301}, "address"),
        ({"answer": "示" * 2001}, "answer"),
    ],
)
def test_what_is_wrong_is_kept_and_told(door: Door, values: dict[str, str], named: str) -> None:
    draft_id = door.start(Service.NEW, **{**FILLED, "authority_id": str(door.office.authority_ids[0])})
    door.save(draft_id, **values)
    assert set(door.problems(draft_id)) == {named}
    for name, value in values.items():
        assert door.draft(draft_id).values[name] == value


def test_replacement_and_additional_ask_what_they_need(door: Door) -> None:
    filled = {**FILLED, "authority_id": str(door.office.authority_ids[0])}
    assert set(door.problems(door.start(Service.REPLACEMENT, **filled))) == {"reason", "prior_key"}
    assert set(door.problems(door.start(Service.ADDITIONAL, **filled))) == {"reason"}
    assert door.problems(door.start(Service.REPLACEMENT, **filled, reason="遗失", prior_key="示例-1")) == {}


def test_the_identity_number_is_nowhere_in_clear(door: Door) -> None:
    draft_id = door.start()
    door.save(draft_id, **{IDENTITY_FIELD: f" {IDENTITY[:6]} {IDENTITY[6:]} "})
    with door.office.work(door.actor) as session:
        row = session.execute(text("SELECT draft::text FROM draft WHERE id = :id"), {"id": draft_id}).scalar_one()
    assert IDENTITY not in row
    assert door.draft(draft_id).identity_masked == f"{IDENTITY[0]}{'*' * 16}{IDENTITY[-1]}"
    door.save(draft_id, **{IDENTITY_FIELD: ""})
    assert door.draft(draft_id).identity_ciphertext is not None


@pytest.mark.parametrize("number", ["110101199003070039", "110101199013070038", "1101011990030700", "abc"])
def test_a_wrong_identity_number_is_refused_with_its_reason_and_not_kept(door: Door, number: str) -> None:
    draft_id = door.start()
    with pytest.raises(InvalidFacts) as refused:
        door.save(draft_id, **{IDENTITY_FIELD: number})
    assert set(refused.value.problems) == {IDENTITY_FIELD}
    assert door.draft(draft_id).identity_ciphertext is None


def test_a_change_after_printing_voids_the_print_and_one_before_does_not(door: Door) -> None:
    draft_id = door.start()
    door.save(draft_id, **FILLED)
    assert door.draft(draft_id).version == 1
    door.print(draft_id)
    door.save(draft_id, **FILLED)
    door.save(draft_id, answer="已补正")
    assert not drafts.is_print_void(door.draft(draft_id))
    door.save(draft_id, holder_name="示例丙")
    draft = door.draft(draft_id)
    assert drafts.is_print_void(draft)
    assert (draft.version, draft.printed_version) == (2, 1)
    door.save(draft_id, holder_name="示例丁")
    assert door.draft(draft_id).version == 2
    door.print(draft_id)
    assert not drafts.is_print_void(door.draft(draft_id))
    door.save(draft_id, **{IDENTITY_FIELD: OTHER_IDENTITY})
    assert door.draft(draft_id).version == 3


def test_a_site_stays_only_with_its_authority(door: Door) -> None:
    here, there = (str(each) for each in door.office.authority_ids)
    site = str(site_of(door.office, 0))
    draft_id = door.start(authority_id=here, pickup_site_id=site)
    assert door.draft(draft_id).values["pickup_site_id"] == site
    door.save(draft_id, authority_id=there)
    assert door.draft(draft_id).values["pickup_site_id"] == ""
    door.save(draft_id, authority_id=there, pickup_site_id=site)
    assert door.draft(draft_id).values["pickup_site_id"] == ""


@pytest.mark.parametrize("untrusted", ["0", "32768", "9" * 18, "9" * 40, "-1", "1 OR 1=1", "²", "１"])
def test_an_authority_that_does_not_exist_is_refused(door: Door, untrusted: str) -> None:
    with pytest.raises(InvalidFacts):
        door.save(door.start(), authority_id=untrusted)


def test_an_authority_that_takes_no_part_any_more_is_told(door: Door) -> None:
    draft_id = door.start(Service.NEW, **{**FILLED, "authority_id": str(door.office.authority_ids[0])})
    with door.office.work() as session:
        session.get_one(Authority, door.office.authority_ids[0]).active = False
    assert set(door.problems(draft_id)) == {"authority_id"}


@pytest.mark.parametrize("name", ["uscc", "applicant_id", "number", "version", "submitted_at", "identity_masked", "x"])
def test_what_is_not_the_forms_cannot_be_changed(door: Door, name: str) -> None:
    draft_id = door.start()
    before = door.draft(draft_id)
    with pytest.raises(Invalid):
        door.save(draft_id, **{name: "91110000000000000X", "address": "示例路 9 号"})
    after = door.draft(draft_id)
    assert (after.values, after.number, after.applicant_id) == (before.values, before.number, before.applicant_id)


@pytest.mark.parametrize("value", ["a\x00b", "a\ud800b", "a\x1bb", "a\x7fb", "a\u202eb", "a\nb", "示" * 4001])
def test_what_cannot_be_kept_is_refused_and_nothing_else_lost(door: Door, value: str) -> None:
    draft_id = door.start()
    door.save(draft_id, address="示例路 1 号")
    with pytest.raises(InvalidFacts) as refused:
        door.save(draft_id, address=value, holder_name="示例乙")
    assert set(refused.value.problems) == {"address"}
    assert door.draft(draft_id).values["address"] == "示例路 1 号"
    assert door.draft(draft_id).values["holder_name"] == ""


def test_another_applicants_form_is_not_found_by_verb_or_by_sql(door: Door) -> None:
    other = new_applicant(door.office, "theirs", uscc=door.applicant.uscc or "")
    draft_id = door.start()
    with door.office.work(actor_of(other)) as session:
        for given_id in (draft_id, 2**63 - 1, 2**70, 0):
            with pytest.raises(NotFound):
                drafts.get_draft(session, actor_of(other), given_id)
        with pytest.raises(NotFound):
            drafts.discard_draft(session, actor_of(other), draft_id)
        assert drafts.list_open(session, door.applicant.id) == []
        assert session.execute(text("SELECT count(*) FROM draft")).scalar_one() == 0


def test_a_discarded_form_is_gone_and_a_submitted_one_leads_to_its_case(door: Door) -> None:
    draft_id = door.start()
    with door.office.work(door.actor) as session:
        drafts.discard_draft(session, door.actor, draft_id)
    with pytest.raises(NotFound):
        door.draft(draft_id)
    submitted = door.start()
    case = door.office.submit(who=door.actor)
    with door.office.work(door.actor) as session:
        draft = drafts.get_draft(session, door.actor, submitted)
        draft.submitted_at, draft.result_id = now(), case
    with pytest.raises(drafts.DraftSubmitted) as refused:
        door.save(submitted, address="示例路 4 号")
    assert refused.value.number == door.draft(submitted).number
    with door.office.work(door.actor) as session:
        assert drafts.list_open(session, door.applicant.id) == []


def test_starting_printing_and_discarding_are_on_record_without_anybodys_facts(door: Door) -> None:
    draft_id = door.start()
    door.save(draft_id, **FILLED)
    door.print(draft_id)
    with door.office.work(door.actor) as session:
        drafts.discard_draft(session, door.actor, draft_id)
    with door.office.work() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.subject == f"draft:{draft_id}").order_by(AuditEntry.seq)
        ).all()
    assert [each.action for each in entries] == ["draft.started", "draft.printed", "draft.discarded"]
    assert {each.actor for each in entries} == {f"enterprise:{door.applicant.id}"}
    assert "示例乙" not in str([each.after for each in entries])


def test_the_papers_are_those_of_the_check_list_in_force(door: Door) -> None:
    draft_id = door.start()
    with door.office.work(door.actor) as session:
        asked = drafts.documents_of(session, drafts.get_draft(session, door.actor, draft_id))
    assert [each.code for each in asked] == ["application_form", "business_licence", "user_id_card"]


def test_the_print_states_what_the_form_does(door: Door) -> None:
    site = str(site_of(door.office, 0))
    filled = {**FILLED, "authority_id": str(door.office.authority_ids[0]), "pickup_site_id": site}
    draft_id = door.start(Service.NEW, **filled)
    with door.office.work(door.actor) as session:
        draft = drafts.get_draft(session, door.actor, draft_id)
        stated = drafts.printed_facts(session, door.parts, draft)
    assert (stated.number, stated.version, stated.service) == (draft.number, 1, "new")
    assert (stated.category_zh, stated.authority_name) == ("非机电类许可证", "示例机构1")
    assert stated.pickup_site == "示例大厅 示例路 2 号"
    assert stated.holder_identity_number == IDENTITY
    assert stated.machinery_account is None


TEXT = st.text(st.characters(codec="utf-8"), max_size=300)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(EDITABLE - {IDENTITY_FIELD, "authority_id", "pickup_site_id", "category"})), value=TEXT
)
def test_whatever_is_kept_comes_back_as_it_was_typed(session: Session, name: str, value: str) -> None:
    applicant = Applicant(kind="person", name="示例", uscc="示" * 18, login="x", password_hash="x", created_at=now())
    with session.begin_nested() as undone:
        session.add(applicant)
        session.flush()
        at = now()
        draft = Draft(
            applicant_id=applicant.id,
            service="new",
            number="EK0",
            values=dict.fromkeys(VALUES, ""),
            version=1,
            created_at=at,
            updated_at=at,
        )
        session.info["scope"] = Scope(everything=True)
        session.execute(text("SELECT set_config('workbench.scope', '*', true)"))
        session.add(draft)
        session.flush()
        kept = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        if can_be_kept(name, kept):
            drafts.save_values(session, None, draft, {name: value})  # type: ignore[arg-type]  # no identity number
            session.expire(draft)
            assert draft.values[name] == kept
        else:
            with pytest.raises(InvalidFacts):
                drafts.save_values(session, None, draft, {name: value})  # type: ignore[arg-type]
        undone.rollback()
    assert session.scalar(select(func.count()).select_from(Draft)) == 0
