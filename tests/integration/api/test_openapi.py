"""The OpenAPI document is true: every route is in it, and schemathesis finds no answer that it does not describe.

The cases it makes up are the same in every run; none leaves the machine.
"""

import re
from collections.abc import Iterator

import pytest
import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema
from sqlalchemy import select

from tests.integration.api.conftest import Site
from tests.support.casework import open_office
from tests.support.database import TestServer
from workbench import create_app
from workbench.api import door
from workbench.cases.models import Application
from workbench.cases.words import State
from workbench.config import Settings
from workbench.kernel.parts import make_parts

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # long examples are wanted
EXAMPLES = 20
"""Made up for each operation, beside those that cover each rule of its schemas."""


@pytest.fixture(scope="module")
def served(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of the whole application, without a limit on its requests."""
    database = database_server.copy()
    settings = Settings(var_dir=tmp_path_factory.mktemp("var"), log_level="ERROR")
    parts = make_parts(settings, database.app_url)
    open_office(parts.engine, settings.key_dir)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "REQUESTS_PER_MINUTE", 1_000_000)
        patch.setattr(door, "WRONG_KEYS_PER_MINUTE", 1_000_000)
        app = create_app(parts=parts)
    yield Site(app, parts, "示例站点")
    parts.engine.dispose()
    database_server.drop(database)


def config(site: Site, **parameters: str) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "headers": {"Authorization": f"Bearer {site.value}"},
            "parameters": parameters,
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            "checks": {
                # A code with a wrong check character fits the schema and is refused all the same.
                "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404", "409", "422"]},
                # Cannot call a WSGI application; test_door.py asks every operation without a key.
                "ignored_auth": {"enabled": False},
            },
            "phases": {"stateful": {"enabled": False}},
        }
    )


def failures(site: Site, settings: SchemathesisConfig, paths: str = "") -> tuple[int, list[str]]:
    """How many answers were looked at, and what is wrong with any; of the paths that hold `paths`."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", site.app, config=settings)
    chosen = schema.include(path_regex=re.escape(paths))
    looked, found = 0, []
    for event in from_schema(chosen).execute():
        if isinstance(event, events.ScenarioFinished):
            for case_id, checks in event.recorder.checks.items():
                looked += 1
                case = event.recorder.cases[case_id].value
                found += [
                    f"{case.method} {case.formatted_path}: {_said(check.failure_info.failure)}"
                    for check in checks
                    if check.failure_info is not None
                ]
        elif isinstance(event, events.NonFatalError):
            found.append(str(event.info))
    return looked, found


def _said(failure: Failure) -> str:
    return f"{failure.title}: {failure.message}"


def test_no_answer_is_other_than_described(served: Site) -> None:
    looked, found = failures(served, config(served))
    assert not found, "\n".join(found)
    assert looked > 150


def test_the_same_of_a_case_that_waits_for_its_correction(served: Site) -> None:
    number = served.new_case(1)
    with served.parts.work() as session:
        case = session.scalars(select(Application).where(Application.number == number)).one()
        case.state, case.due_at, case.due_clock, case.due_from = State.RETURNED.value, None, None, None
    looked, found = failures(served, config(served, **{"path.number": number}), "{number}")
    assert not found, "\n".join(found)
    assert looked > 150


def test_every_route_is_described_and_every_description_is_routed(served: Site) -> None:
    document = served.app.test_client().get("/api/v1/openapi.json").get_json()
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    routed = {
        (method, rule.rule.removeprefix("/api/v1").replace("<", "{").replace(">", "}"))
        for rule in served.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert described == routed


def test_the_description_is_public_and_names_the_site_s_own_address(served: Site) -> None:
    document = served.app.test_client().get("/api/v1/openapi.json", headers={"Host": "evil.invalid"}).get_json()
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "http://127.0.0.1:8000/api/v1"}]
    Draft202012Validator.check_schema({"$defs": document["components"]["schemas"]})
