"""Why a certificate ends, in the words that a certification authority is told and publishes."""

from enum import StrEnum


class RevocationReason(StrEnum):
    """The reasons this house gives, as RFC 5280 section 5.3.1 names them."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
