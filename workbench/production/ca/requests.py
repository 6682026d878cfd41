"""What a certification request must be before any CA is asked: signed by its own key, of the profile's algorithm, for
the subject that was ordered.
"""

from asn1crypto import csr

from workbench.production.algorithms import Algorithm
from workbench.production.ca.connector import IssueOrder
from workbench.production.signatures import IDENTIFIERS, verify


class RequestRefused(Exception):
    """This request must not be certified; the message says why."""


def read_request(order: IssueOrder, algorithm: Algorithm) -> bytes:
    """The public key (DER SubjectPublicKeyInfo) of a request that may be certified.

    Raises:
        RequestRefused: it may not be.
        sm2.OpensslMissing, sm2.OpensslFailed: an SM2 signature can't be checked.
    """
    try:
        parsed = csr.CertificationRequest.load(order.request, strict=True)
        info = parsed["certification_request_info"]
        public_key: bytes = info["subject_pk_info"].dump()
        subject: bytes = info["subject"].dump()
        named: bytes = parsed["signature_algorithm"].dump()
        signature: bytes = parsed["signature"].native
    except (ValueError, TypeError, KeyError) as error:
        raise RequestRefused("This is no PKCS #10 request that can be read.") from error
    if named != IDENTIFIERS[algorithm] or not verify(public_key, algorithm, info.dump(), signature):
        raise RequestRefused(f"The request is not signed by the {algorithm} key it names.")
    if subject != order.subject:
        raise RequestRefused("The request names another subject than was ordered.")
    return public_key
