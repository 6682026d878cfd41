"""What docs/api.md tells sites to check is what we send: its own lines are run here."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.api import service
from workbench.api.tasks import sign
from workbench.kernel.clock import clock_at
from workbench.kernel.errors import Invalid

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
DOCS = Path(__file__).parents[3] / "docs" / "api.md"


def documented() -> Callable[[str, dict[str, str], bytes], bool]:
    [lines] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, Callable[[str, dict[str, str], bytes], bool]] = {}
    exec(lines, found)
    return found["is_ours"]


@given(st.binary(max_size=200))
def test_the_documented_check_knows_our_messages(body: bytes) -> None:
    is_ours = documented()
    headers = sign(service.key_of_secret(SECRET), "evt_42", body)
    assert is_ours(SECRET, headers, body)
    assert not is_ours(SECRET, headers, body + b" ")
    assert not is_ours(SECRET, {**headers, "webhook-id": "evt_43"}, body)
    assert not is_ours(SECRET, {**headers, "webhook-timestamp": "1"}, body)


def test_a_known_message_has_the_signature_of_the_standard() -> None:
    """The example of the specification's own libraries."""
    key = service.key_of_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    with clock_at(datetime.fromtimestamp(1614265330, UTC)):
        headers = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_????", "whsec_" + "QUJD" * 7 + "Q", "whsec_" + "QUJD" * 22])
def test_poor_secrets_are_refused(secret: str) -> None:
    with pytest.raises(Invalid):
        service.key_of_secret(secret)
