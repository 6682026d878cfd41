"""Every address of the application by whose it is: the desks', the front door's or a program's, with samples."""

from collections.abc import Iterator, Mapping
from typing import Final

from flask import Flask
from werkzeug.routing import Rule

DOOR: Final = "portal"
INTERFACE: Final = "api"
BENCH_AGENTS: Final = "bench_agent"
AUTHORITY: Final = "ca"
PROGRAMS: Final = (INTERFACE, BENCH_AGENTS, AUTHORITY)
"""Blueprints whose callers are programs without a form's token; each has its own test of who may call it."""
_SAMPLES: Final[Mapping[str, object]] = {
    "IntegerConverter": 1,
    "UUIDConverter": "00000000-0000-0000-0000-000000000000",
    "AnyConverter": "enterprise",
}


def rules(app: Flask, room: str | None = None) -> list[Rule]:
    """Every rule, or those of one room; `desk` are all that are neither the front door's nor a program's."""
    found = sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint)
    return [rule for rule in found if room is None or room_of(rule) == room]


def room_of(rule: Rule) -> str:
    """Whose address it is: the blueprint of the front door or of programs, or `desk`."""
    blueprint = rule.endpoint.split(".")[0]
    return blueprint if blueprint in (DOOR, *PROGRAMS) else "desk"


def paths(app: Flask, method: str, room: str, samples: Mapping[str, object] | None = None) -> Iterator[tuple[str, str]]:
    """Every endpoint of a room that answers `method`, with an address of its, arguments filled with samples."""
    for rule in rules(app, room):
        if method in (rule.methods or ()):
            values = {name: (samples or {}).get(name, _sample(rule, name)) for name in rule.arguments}
            with app.test_request_context():
                yield rule.endpoint, str(app.url_map.bind("localhost").build(rule.endpoint, values, method=method))


def _sample(rule: Rule, argument: str) -> object:
    return _SAMPLES.get(type(rule._converters[argument]).__name__, "x")
