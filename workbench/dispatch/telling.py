"""What the authority's supervisors are told when keys on their way to it are given up. The enterprises are told by the
notices of their own cases. What people typed stands in the text as it is and never in a subject.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.cases.models import Application
from workbench.dispatch.models import Consignment
from workbench.kernel import outbox
from workbench.kernel.identity import Role
from workbench.keys.models import Token
from workbench.organisation.models import Authority, Staff

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates" / "emails"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - plain text e-mails
)


def tell_of_loss(session: Session, consignment: Consignment, serials: Sequence[str], remark: str) -> int:
    """Write to each supervisor of the parcel's authority who has an address; returns how many there are."""
    people = session.scalars(
        select(Staff).where(
            Staff.authority_id == consignment.authority_id,
            Staff.roles.contains([Role.AUTHORITY_SUPERVISOR.value]),
            Staff.active,
            Staff.email != "",
        )
    ).all()
    lines = session.execute(
        select(Token.serial, Application.enterprise_name)
        .join(Application, Application.id == Token.application_id)
        .where(Token.serial.in_(serials))
        .order_by(Token.serial)
    )
    text = _TEMPLATES.get_template("parcel_lost.txt").render(
        number=consignment.number,
        waybill=consignment.waybill,
        authority=session.get_one(Authority, consignment.authority_id),
        serials=[(serial, enterprise) for serial, enterprise in lines],
        remark=remark,
    )
    subject, _, body = text.partition("\n")
    for person in people:
        outbox.post(
            session,
            # Of one parcel, keys may be given up at several times: a version is one of them.
            event=f"consignment:{consignment.id}:version:{consignment.version}:lost:{person.id}",
            recipient=person.email,
            subject=subject.strip(),
            body=body.strip() + "\n",
        )
    return len(people)
