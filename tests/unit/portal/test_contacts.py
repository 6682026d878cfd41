"""Websites of contacts: hosts and https addresses are kept, everything else is refused, and what is kept stays a link
to its own host; the guide's example code is right and of nowhere."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernel.codes import uscc_problem
from workbench.kernel.errors import Invalid
from workbench.portal.front.contacts import FIRST_CONTACTS, address_of, check_website
from workbench.portal.front.front_views import EXAMPLE_CODE

KEPT = ["", "www.example.org", "example.org/path?x=1", "https://example.org", "https://a-b.example.org:8443/p/q"]
REFUSED = [
    "javascript:alert(1)",
    "http://example.org",
    "ftp://example.org",
    "//example.org",
    "https://name:word@example.org",
    "https://",
    "example",
    "example.org\\x",
    'example.org/"onclick=',
    "example.org/<b>",
    "a b.example.org",
    "example.org\nhttps://x.example.org",
    "-x.example.org",
]


@pytest.mark.parametrize("website", [*KEPT, *(each["website"] for each in FIRST_CONTACTS)])
def test_hosts_and_https_addresses_are_kept(website: str) -> None:
    assert check_website(f" {website} ") == website


@pytest.mark.parametrize("untrusted", REFUSED)
def test_everything_else_is_refused(untrusted: str) -> None:
    with pytest.raises(Invalid):
        check_website(untrusted)


@given(st.text(max_size=80) | st.text(alphabet="htps:/.@\\?#javscript example-0", max_size=40))
def test_what_is_kept_leads_to_a_host_by_http_or_https(untrusted: str) -> None:
    try:
        kept = check_website(untrusted)
    except Invalid:
        return
    if kept:
        split = urlsplit(address_of(kept))
        assert split.scheme in {"http", "https"}
        assert split.hostname is not None
        assert split.username is None
        assert kept.removeprefix("https://").lower().startswith(split.hostname)


def test_the_example_code_is_right_and_of_no_place() -> None:
    assert uscc_problem(EXAMPLE_CODE) is None
    assert EXAMPLE_CODE[2:8] == "000000"
