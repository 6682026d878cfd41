"""What became of a certificate, in words for its holder: what happened, and what to do now. Msgids only."""

from collections.abc import Mapping
from typing import Final

from workbench.kernel.messages import N_
from workbench.keys.trust import Standing

HAPPENED: Final[Mapping[Standing, str]] = {
    Standing.GOOD: N_("This certificate is valid."),
    Standing.NOT_OURS: N_("This certificate was not issued for this system, or not for signing in."),
    Standing.UNKNOWN: N_("This certificate is not on our records."),
    Standing.REVOKED: N_("This certificate was revoked."),
    Standing.REPLACED: N_("This certificate was replaced by a newer one."),
    Standing.EXPIRED: N_("This certificate has expired."),
    Standing.NOT_YET_VALID: N_("This certificate is not valid yet."),
    Standing.OTHER_ENTERPRISE: N_("This certificate names another enterprise than our records do."),
}
THEN: Final[Mapping[Standing, str]] = {
    Standing.GOOD: N_("Sign in to renew it."),
    Standing.NOT_OURS: N_("Close all windows of the browser, plug in the right e-key and choose its certificate."),
    Standing.UNKNOWN: N_("Please call the service line: the key may be one of the old system."),
    Standing.REVOKED: N_("A revoked certificate cannot be renewed. Apply for a replacement or a new key instead."),
    Standing.REPLACED: N_("Plug in the key that bears the newer certificate."),
    Standing.EXPIRED: N_(
        "An expired certificate cannot be renewed. Sign in with your login and apply for a replacement."
    ),
    Standing.NOT_YET_VALID: N_("Try again when its time has come; compare the date and time of this computer too."),
    Standing.OTHER_ENTERPRISE: N_("Please call the service line and name the number printed on the key."),
}
