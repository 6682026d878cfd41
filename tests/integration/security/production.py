"""One row in each of production's tables, for whoever tries to reach them: of a case, and of the house itself."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.casework import SYSTEM, Office
from workbench.cases.models import Application
from workbench.documents.models import Page
from workbench.kernel.clock import now
from workbench.keys.models import Certificate, Seal, Token
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import move, take_in
from workbench.production.models import Batch, BenchStation, CertificateOrder, Making, RevocationOrder, TrialEntry

YEAR: Final = timedelta(days=365)
OF_CASE: Final = ("token", "custody_entry", "seal", "making", "certificate_order", "certificate")
"""Tables whose rows belong to an authority."""
OF_HOUSE: Final = ("bench_station", "batch", "revocation_order", "trial_entry")
"""Tables that no authority reaches."""


def plant(office: Office, case_id: int, maker_id: int) -> int:
    """A key of this case half made, at a bench of its own; returns the token's id."""
    mark = f"{case_id:08d}"
    with office.work() as session:
        case = session.get_one(Application, case_id)
        own: dict[str, Any] = {"application_id": case.id, "authority_id": case.authority_id}
        token = take_in(session, SYSTEM, f"EK{mark}", model="示例型号", box=f"B{mark}")
        move(session, token.id, TokenMove.ALLOCATE, SYSTEM, to_ref=maker_id, **own)
        station = _bench(session, mark, maker_id)
        making = Making(
            token_id=token.id,
            station_id=station.id,
            maker_id=maker_id,
            algorithm="p-256",
            key_id=mark,
            challenge=mark * 8,
            started_at=now(),
            **own,
        )
        certificate = _certificate(case, token, mark)
        session.add_all([making, certificate, _seal(session, case, mark, maker_id)])
        session.flush()
        ending = RevocationOrder(certificate_id=certificate.id, transaction_id=mark, reason="x", ordered_at=now())
        session.add_all([_order(case, making, mark), ending])
        return token.id


def _bench(session: Session, mark: str, maker_id: int) -> BenchStation:
    """A bench with a batch, and what the embedded authority has on its register."""
    at = now()
    station = BenchStation(
        name=f"示例制作台{mark}", kind="bench", sha256=mark * 8, hint="x", created_at=at, created_by="x"
    )
    session.add(station)
    session.flush()
    trial = TrialEntry(transaction_id=mark, serial=mark, certificate=b"x", algorithm="p-256", issued_at=at)
    session.add_all([Batch(station_id=station.id, maker_id=maker_id, wanted=2, started_at=at), trial])
    return station


def _certificate(case: Application, token: Token, mark: str) -> Certificate:
    return Certificate(
        sha256=mark * 8,
        serial=mark,
        issuer="CN=x",
        subject="CN=x",
        uscc=case.uscc,
        enterprise_name=case.enterprise_name,
        holder_name="示例甲",
        key_number=token.serial,
        not_before=now(),
        not_after=now() + YEAR,
        state_since=now(),
        authority_id=case.authority_id,
        application_id=case.id,
        registered_at=now(),
        token_id=token.id,
    )


def _seal(session: Session, case: Application, mark: str, maker_id: int) -> Seal:
    return Seal(
        serial=mark,
        name=case.enterprise_name,
        uscc=case.uscc,
        page_id=session.scalars(select(Page.id).where(Page.application_id == case.id)).first(),
        crop={},
        image_sha256=mark * 8,
        width_mm=40.0,
        height_mm=40.0,
        maker_id=maker_id,
        made_at=now(),
        application_id=case.id,
        authority_id=case.authority_id,
    )


def _order(case: Application, making: Making, mark: str) -> CertificateOrder:
    return CertificateOrder(
        making_id=making.id,
        token_id=making.token_id,
        transaction_id=mark,
        uscc=case.uscc,
        algorithm="p-256",
        key_id=mark,
        request=b"x",
        request_sha256=mark * 8,
        subject=b"x",
        not_before=now(),
        not_after=now() + YEAR,
        ordered_at=now(),
        application_id=case.id,
        authority_id=case.authority_id,
    )
