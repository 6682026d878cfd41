"""How certificates read on screen: conditions, what their CA said, reasons, what the audit log tells. Msgids only."""

from collections.abc import Mapping
from typing import Final

from workbench.kernel.messages import N_
from workbench.keys.revocation import RevocationReason
from workbench.keys.token_states import TOKEN_EVENT_NAMES
from workbench.production.algorithms import Algorithm
from workbench.production.certificate_queries import Condition, End

CONDITION_NAMES: Final[Mapping[Condition, str]] = {
    Condition.VALID: N_("Valid"),
    Condition.EXPIRED: N_("Expired"),
    Condition.REVOKED: N_("Revoked"),
    Condition.REPLACED: N_("Replaced"),
}
CONDITION_TONES: Final[Mapping[Condition, str]] = {
    Condition.VALID: "done",
    Condition.EXPIRED: "idle",
    Condition.REVOKED: "late",
    Condition.REPLACED: "idle",
}
END_NAMES: Final[Mapping[End, str]] = {
    End.ASKED: N_("The CA has been asked and has not confirmed yet"),
    End.REFUSED: N_("The CA refused to end it"),
    End.CONFIRMED: N_("The CA has confirmed the end"),
    End.ELSEWHERE: N_("Another CA issued it: it has to be ended there"),
    End.UNCONFIRMED: N_("The CA has not confirmed the end yet"),
}
END_FLAGS: Final[Mapping[End, str]] = {
    End.ASKED: N_("CA not confirmed"),
    End.REFUSED: N_("CA refused"),
    End.ELSEWHERE: N_("Another CA's"),
    End.UNCONFIRMED: N_("CA not confirmed"),
}
"""The same in a list; a confirmed end needs no notice there."""
REASON_NAMES: Final[Mapping[str, str]] = {
    RevocationReason.UNSPECIFIED.value: N_("no particular reason"),
    RevocationReason.KEY_COMPROMISE.value: N_("the key may be in other hands"),
    RevocationReason.AFFILIATION_CHANGED.value: N_("enterprise or holder has changed"),
    RevocationReason.SUPERSEDED.value: N_("another certificate took its place"),
    RevocationReason.CESSATION_OF_OPERATION.value: N_("it is no longer used"),
}
"""What a CA publishes as the reason (RFC 5280 section 5.3.1), in plain words."""
ALGORITHM_NAMES: Final[Mapping[Algorithm, str]] = {
    Algorithm.RSA_2048: "RSA 2048",
    Algorithm.P_256: "ECDSA P-256",
    Algorithm.SM2: "SM2",
}
"""As the trade calls them, in any language."""
HISTORY_WORDS: Final[Mapping[str, str]] = {
    "making.started": N_("Token chosen for the case"),
    "making.verified": N_("Written on the token, read back and found right"),
    "making.stopped": N_("Work at the token stopped"),
    "making.spoiled": N_("Token set aside as spoiled"),
    "making.old_key_removed": N_("The replaced key pair was taken off the key"),
    "making.old_key_kept": N_("The replaced key pair could not be taken off the key"),
    "certificate.ordered": N_("Certificate asked of the CA"),
    "certificate.order_rejected": N_("The CA refused the request"),
    "certificate.refused": N_("The CA's certificate was not what was asked for"),
    "certificate.registered": N_("Issued by the CA and put on record"),
    "certificate.replaced": N_("Replaced by a renewal"),
    "certificate.revoked": N_("Revoked"),
    "certificate.end_ordered": N_("The CA is asked to end it"),
    "certificate.end_asked_again": N_("The CA is asked once more to end it"),
    "certificate.end_rejected": N_("The CA refused to end it"),
    "certificate.ended_by_ca": N_("Ended by the CA, its list published"),
    "certificate.end_confirmed": N_("Noted that the CA has ended it"),
    "seal.prepared": N_("Electronic seal prepared from the letter"),
    "seal.taken_over": N_("Electronic seal taken over from the earlier key"),
    "seal.signed": N_("Electronic seal signed for it"),
}
"""By action of the audit log; what is not named here is no matter of a certificate."""
TOKEN_WORDS: Final[Mapping[str, str]] = {f"token.{event}": words for event, words in TOKEN_EVENT_NAMES.items()}
"""Likewise for its token, to be read behind the word token."""
