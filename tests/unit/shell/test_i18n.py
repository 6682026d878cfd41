"""Return addresses stay on this site; days and sizes read as people write them."""

from datetime import UTC, date, datetime
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.clock import clock_at
from workbench.shell import i18n


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://example.com",
        "//example.com",
        "/\\example.com",
        "javascript:alert(1)",
        "\\\\example.com",
        "",
        "x",
        "/\n/x",
    ],
)
def test_addresses_that_lead_elsewhere_are_never_followed(elsewhere: str) -> None:
    assert i18n.safe_return(elsewhere) == "/"


def test_addresses_on_this_site_are_kept() -> None:
    assert i18n.safe_return("/desk/pre-check/?q=示例&page=2") == "/desk/pre-check/?q=示例&page=2"


@given(st.text())
def test_whatever_is_sent_the_answer_stays_here(untrusted: str) -> None:
    target = i18n.safe_return(untrusted)
    assert urlsplit(urljoin("https://here.invalid/", target)).netloc == "here.invalid"


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KB"), (3_565_158, "3.4 MB"), (21_474_836, "20 MB")]
)
def test_sizes(size: int, words: str) -> None:
    assert i18n.filesize(size) == words


@pytest.mark.parametrize(
    ("cookie", "moment", "day"), [("zh", "2026-11-24 01:30", "11-24 周二"), ("en", "24 Nov 2026, 01:30", "Tue 24 Nov")]
)
def test_instants_and_days_are_of_shanghai(cookie: str, moment: str, day: str) -> None:
    app = Flask(__name__)
    i18n.install(app)
    at = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
    with app.test_request_context(headers={"Cookie": f"language={cookie}"}), clock_at(at):
        assert i18n.instant(at) == moment
        assert i18n.day(at) == day
        assert "2025" in i18n.day(date(2025, 1, 2))
        assert i18n.instant(None) == "–"
