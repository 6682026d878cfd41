"""The finished keys that tests of dispatch and collection start from are what the bench would have left."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from tests.support.casework import Office
from tests.support.keys import MadeKey, made_key, made_keys
from workbench.cases.models import Application, CaseDecider, CaseEvent
from workbench.keys.models import Certificate, CustodyEntry
from workbench.keys.tokens import get_token


def by_verbs(office: Office) -> MadeKey:
    return made_key(office, 1)


def in_bulk(office: Office) -> MadeKey:
    return made_keys(office, 3, 1)[1]


@pytest.mark.parametrize("make", [by_verbs, in_bulk])
def test_a_finished_key_is_whole(office: Office, make: Callable[[Office], MadeKey]) -> None:
    key = make(office)
    with office.work() as session:
        token = get_token(session, key.serial)
        case = session.get_one(Application, key.application_id)
        certificate = session.scalars(select(Certificate).where(Certificate.token_id == token.id)).one()
        assert (token.state, token.custodian, token.custodian_ref, token.custody_seq) == (
            "personalised",
            "vendor_stock",
            None,
            3,
        )
        assert (token.authority_id, token.application_id) == (office.authority_ids[1], case.id)
        assert (case.state, case.version, case.due_at) == ("made", 4, None)
        assert (certificate.application_id, certificate.state, certificate.key_number) == (case.id, "valid", key.serial)
        assert certificate.certificate
        events = select(CaseEvent.event).where(CaseEvent.application_id == case.id).order_by(CaseEvent.id)
        assert list(session.scalars(events)) == ["submitted", "pre_check_passed", "re_check_passed", "key_produced"]
        deciders = select(CaseDecider.desk).where(CaseDecider.application_id == case.id)
        assert set(session.scalars(deciders)) == {"pre_check", "re_check", "production"}
        entries = select(CustodyEntry.event).where(CustodyEntry.token_id == token.id).order_by(CustodyEntry.seq)
        assert list(session.scalars(entries)) == ["imported", "allocated", "personalised"]


def test_both_kinds_lie_side_by_side(office: Office) -> None:
    keys = [made_key(office), *made_keys(office, 5), made_key(office), *made_keys(office, 5)]
    with office.work() as session:
        assert session.scalar(select(func.count(Certificate.id))) == len(keys) == 12
    assert len({each.serial for each in keys}) == 12
