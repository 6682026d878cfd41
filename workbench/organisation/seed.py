"""The 37 issuing authorities a fresh system starts with. Adds what is missing and never overwrites what was edited."""

import csv
from importlib.resources import files

from sqlalchemy import select
from sqlalchemy.orm import Session

from workbench.kernel import audit
from workbench.kernel.identity import Actor
from workbench.organisation.models import Authority


def seed_authorities(session: Session, actor: Actor) -> int:
    """Add the authorities that are not there yet, in the official order; returns how many were added."""
    known = set(session.scalars(select(Authority.code)))
    content = files("workbench.organisation").joinpath("data/authorities.csv").read_text(encoding="utf-8")
    added = 0
    for position, row in enumerate(csv.DictReader(content.splitlines()), start=1):
        if row["code"] in known:
            continue
        authority = Authority(**row, position=position)
        session.add(authority)
        session.flush()
        audit.record(
            session,
            "authority.created",
            actor,
            subject=f"authority:{authority.id}",
            authority_id=authority.id,
            after={**row, "position": position},
        )
        added += 1
    return added
