"""Structured logs on stderr: JSON lines, readable ones on a terminal. Query values and personal data stay out."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import structlog
from flask import Flask, Response, current_app, g, request

from workbench.shell.context import find_actor

F = TypeVar("F", bound=Callable[..., Any])
_SHARED: Final[list[Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

log = structlog.stdlib.get_logger("workbench.request")


def asked_every_second(view: F) -> F:
    """Mark a handler that a program calls without end: its good answers are told at DEBUG only."""
    view.asked_every_second = True  # type: ignore[attr-defined]
    return view


def configure(level: str) -> None:
    """Send everything that logs, the standard library included, through one renderer.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
    """
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [each for each in root.handlers if getattr(each, "name", None) == "workbench"]:
        root.removeHandler(old)
    handler.name = "workbench"
    root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("procrastinate").setLevel(max(logging.WARNING, root.level))  # it tells every poll and heartbeat
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _shown_path() -> str:
    """The path without the token it may hold: whoever reads the log could use a link before its addressee does."""
    token = (request.view_args or {}).get("token")
    return request.path.replace(str(token), "…") if token else request.path


def install(app: Flask) -> None:
    """Write one line per request: method, path, status, duration in milliseconds, actor."""

    @app.before_request
    def _start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def _line(response: Response) -> Response:
        if request.endpoint in {"static", "frame.font"} and response.status_code < 400:
            return response
        actor = find_actor()
        elapsed = time.perf_counter() - g.get("started", time.perf_counter())
        log.log(
            _level_of(response),
            "request",
            method=request.method,
            path=_shown_path(),
            status=response.status_code,
            ms=round(elapsed * 1000, 1),
            actor=actor.label if actor else None,
        )
        return response


def _level_of(response: Response) -> int:
    view = current_app.view_functions.get(request.endpoint or "")
    often = getattr(view, "asked_every_second", False) and response.status_code < 400
    return logging.DEBUG if often else logging.INFO
