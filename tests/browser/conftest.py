"""The browser floor: a real Chromium against a real server."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import browser, complaints, new_page, page
from tests.browser.served import Site, served
from tests.support.database import TestServer
from tests.support.passwords import quick_passwords

__all__ = ["browser", "complaints", "new_page", "page", "quick_passwords"]


@pytest.fixture(scope="module")
def site(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The served office the walks of one file share; each takes one of its 37 authorities for itself."""
    database = database_server.copy()
    with served(database, tmp_path_factory.mktemp("site")) as site:
        yield site
    database_server.drop(database)
