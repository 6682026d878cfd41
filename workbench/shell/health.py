"""Is this installation well? Public, without details: a word per part, for load balancers and watchers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog
from flask import Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from workbench.shell.context import db

WORKER_SILENT_SECONDS: Final = 60

log = structlog.stdlib.get_logger("workbench.health")


class Health(StrEnum):
    """How a part is."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


@dataclass(frozen=True)
class Probe:
    """One part that can be asked. A failing one makes the whole answer 503."""

    name: str
    ask: Callable[[Session], Health]


def _probes(app: Flask) -> list[Probe]:
    probes: list[Probe] = app.extensions.setdefault("workbench.health", [])
    return probes


def register(app: Flask, probe: Probe) -> None:
    """Add a part to the answer of /health."""
    _probes(app).append(probe)


def _database(session: Session) -> Health:
    session.execute(text("SELECT 1"))
    return Health.OK


def _worker(session: Session) -> Health:
    """Late work is late, not lost: a silent worker degrades the installation and stops nobody."""
    age = session.execute(text("SELECT extract(epoch FROM now() - max(last_heartbeat)) FROM procrastinate_workers"))
    seconds = age.scalar()
    return Health.OK if seconds is not None and seconds < WORKER_SILENT_SECONDS else Health.DEGRADED


def _answer(probe: Probe) -> Health:
    try:
        return probe.ask(db())
    except SQLAlchemyError as error:
        db.rollback()
        log.warning("probe_failed", probe=probe.name, error=type(error).__name__)
        return Health.FAILING if probe.ask is _database else Health.DEGRADED


def health() -> ResponseReturnValue:
    """A word per part; 200 while work can go on, otherwise 503."""
    answers = {probe.name: _answer(probe) for probe in _probes(current_app)}
    failing = Health.FAILING in answers.values()
    worst = Health.FAILING if failing else Health.DEGRADED if Health.DEGRADED in answers.values() else Health.OK
    return jsonify(status=worst, parts=answers), 503 if failing else 200


def install(app: Flask) -> None:
    """Serve /health with the two parts every installation has."""
    register(app, Probe("database", _database))
    register(app, Probe("worker", _worker))
    app.add_url_rule("/health", "health", health)
