"""Links in e-mails: signed, dated, and built on the configured address, never on what a request calls itself."""

import hmac
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from workbench.config import Settings
from workbench.kernel import clock
from workbench.kernel.parts import Parts

ACTIVATION_LASTS: Final = timedelta(hours=48)
RESET_LASTS: Final = timedelta(hours=2)
_ACTIVATION: Final = "activation"
_RESET: Final = "reset"


class BadLink(Exception):
    """This link opens nothing; `expired` when it once did."""

    def __init__(self, *, expired: bool) -> None:
        super().__init__("expired" if expired else "not one of ours")
        self.expired = expired


class _Signer(TimestampSigner):
    """Dates by the product's clock."""

    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())


def site_link(settings: Settings, path: str) -> str:
    """The public address of a path on this site."""
    return f"{settings.site_url}{path}"


def activation_link(parts: Parts, registration_id: int) -> str:
    """Where a registration is activated, for 48 hours."""
    return site_link(parts.settings, f"/activate/{_seal(parts, _ACTIVATION, registration_id)}")


def read_activation(parts: Parts, token: str) -> int:
    """The id of the registration a link was made for.

    Raises:
        BadLink: forged, cut off or expired.
    """
    return int(_open(parts, _ACTIVATION, token, ACTIVATION_LASTS))


def reset_link(parts: Parts, applicant_id: int, session_epoch: int) -> str:
    """Where a new password is chosen, for two hours and while the account's epoch stays: so once."""
    return site_link(parts.settings, f"/password/reset/{_seal(parts, _RESET, [applicant_id, session_epoch])}")


def read_reset(parts: Parts, token: str) -> tuple[int, int]:
    """The applicant a link was made for, and the epoch it holds in.

    Raises:
        BadLink: forged, cut off or expired.
    """
    applicant_id, epoch = _open(parts, _RESET, token, RESET_LASTS)
    return int(applicant_id), int(epoch)


def _seal(parts: Parts, purpose: str, value: Any) -> str:
    return str(_serializer(parts, purpose).dumps(value))


def _open(parts: Parts, purpose: str, token: str, lasts: timedelta) -> Any:
    try:
        return _serializer(parts, purpose).loads(token, max_age=int(lasts.total_seconds()))
    except SignatureExpired as error:
        raise BadLink(expired=True) from error
    except (BadData, UnicodeError) as error:
        raise BadLink(expired=False) from error


def _serializer(parts: Parts, purpose: str) -> URLSafeTimedSerializer:
    """Each purpose has its own key: a link for one opens nothing of the other."""
    return URLSafeTimedSerializer(
        hmac.digest(parts.secrets.session_key, f"portal.{purpose}".encode(), sha256),
        salt=purpose,
        signer=_Signer,
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )
