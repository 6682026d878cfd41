"""What maker and worker do after a fault until the key is made: retry, ask again, take another token."""

from sqlalchemy import select, text, update

from tests.support.bench import Agent, Workshop
from workbench.kernel.parts import Parts
from workbench.keys.service import END_TASK
from workbench.production import issuing, making, revoking
from workbench.production.models import CertificateOrder, RevocationOrder


def errands(parts: Parts) -> None:
    """Do what the worker would have done after a while: ask the CA for what is open, and end what has ended."""
    with parts.work() as session:
        session.execute(update(CertificateOrder).values(ask_again_at=None))
        session.execute(update(RevocationOrder).values(ask_again_at=None))
        orders = session.scalars(select(CertificateOrder.id).where(CertificateOrder.state.in_(issuing.OPEN))).all()
        jobs = text(
            "SELECT DISTINCT (args ->> 'certificate_id')::bigint FROM procrastinate_jobs WHERE task_name = :task"
        )
        ended = session.scalars(jobs, {"task": END_TASK}).all()
    for order_id in orders:
        issuing.ask(parts, order_id)
    for certificate_id in ended:
        revoking.end_at_ca(parts, certificate_id)


def retry(workshop: Workshop, making_id: int) -> None:
    """The maker presses retry."""
    with workshop.parts.work() as session:
        making.retry(session, workshop.maker, making_id)


def finish(workshop: Workshop, agent: Agent, making_id: int, tries: int = 8) -> None:
    """Agent, worker and maker go on until the key is made.

    Raises:
        AssertionError: it is not, after so many tries.
    """
    for _ in range(tries):
        agent.work()
        found = workshop.making(making_id)
        if found.state == "made":
            errands(workshop.parts)
            return
        errands(workshop.parts)
        if workshop.making(making_id).fault is not None:
            retry(workshop, making_id)
    raise AssertionError(f"still {found.state} at {found.step}: {found.fault} {found.fault_detail}")


def another_token(workshop: Workshop, agent: Agent, station_id: int, serial: str, case: int) -> int:
    """The case meets another token, and its key is made; returns the making's id."""
    workshop.stock(serial)
    made = workshop.scan(station_id, serial, case=case)
    finish(workshop, agent, made)
    return made
