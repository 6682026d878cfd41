"""One row in each of production's tables, for whoever tries to reach them: of a case, and of the house itself."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from tests.support.casework import SYSTEM, Office
from workbench.cases.models import Application
from workbench.documents.models import Page
from workbench.kernel.clock import now
from workbench.keys.models import Certificate, Seal
from workbench.keys.token_states import TokenMove
from workbench.keys.tokens import move, take_in
from workbench.production.models import Batch, BenchStation, CertificateOrder, Making, RevocationOrder, TrialEntry

OF_CASE: Final = ("token", "custody_entry", "seal", "making", "certificate_order", "certificate")
"""Tables whose rows belong to an authority."""
OF_HOUSE: Final = ("bench_station", "batch", "revocation_order", "trial_entry")
"""Tables that no authority reaches."""


def plant(office: Office, case_id: int, maker_id: int) -> int:
    """A key of this case half made, at a bench of its own; returns the token's id."""
    mark = f"{case_id:08d}"
    at, later = now(), now() + timedelta(days=365)
    with office.work() as session:
        case = session.get_one(Application, case_id)
        own: dict[str, Any] = {"application_id": case.id, "authority_id": case.authority_id}
        token = take_in(session, SYSTEM, f"EK{mark}", model="示例型号", box=f"B{mark}")
        move(session, token.id, TokenMove.ALLOCATE, SYSTEM, to_ref=maker_id, **own)
        station = BenchStation(
            name=f"示例制作台{mark}", kind="bench", sha256=mark * 8, hint="x", created_at=at, created_by="x"
        )
        session.add(station)
        session.flush()
        batch = Batch(station_id=station.id, maker_id=maker_id, wanted=2, started_at=at)
        certificate = Certificate(
            sha256=mark * 8,
            serial=mark,
            issuer="CN=x",
            subject="CN=x",
            uscc=case.uscc,
            enterprise_name=case.enterprise_name,
            holder_name="示例甲",
            key_number=token.serial,
            not_before=at,
            not_after=later,
            state_since=at,
            registered_at=at,
            token_id=token.id,
            **own,
        )
        making = Making(
            token_id=token.id,
            station_id=station.id,
            maker_id=maker_id,
            algorithm="p-256",
            key_id=mark,
            challenge=mark * 8,
            started_at=at,
            **own,
        )
        page_id = session.scalars(select(Page.id).where(Page.application_id == case.id)).first()
        seal = Seal(
            serial=mark,
            name=case.enterprise_name,
            uscc=case.uscc,
            page_id=page_id,
            crop={},
            image_sha256=mark * 8,
            width_mm=40.0,
            height_mm=40.0,
            maker_id=maker_id,
            made_at=at,
            **own,
        )
        trial = TrialEntry(transaction_id=mark, serial=mark, certificate=b"x", algorithm="p-256", issued_at=at)
        session.add_all([batch, certificate, making, seal, trial])
        session.flush()
        order = CertificateOrder(
            making_id=making.id,
            token_id=token.id,
            transaction_id=mark,
            uscc=case.uscc,
            algorithm="p-256",
            key_id=mark,
            request=b"x",
            request_sha256=mark * 8,
            subject=b"x",
            not_before=at,
            not_after=later,
            ordered_at=at,
            **own,
        )
        ending = RevocationOrder(certificate_id=certificate.id, transaction_id=mark, reason="x", ordered_at=at)
        session.add_all([order, ending])
        return token.id
