"""What drivers are given, checked before a token sees any of it: a token's own error could quote a PIN."""

from asn1crypto import x509 as asn1

from workbench.kernel.certificates import read_der
from workbench.production.tokens.driver import Fault, TokenFault


def require_pin(pin: str, fault: Fault = Fault.PIN_REFUSED) -> None:
    """Refuse what no token could take for a PIN.

    Raises:
        TokenFault: `fault`, without the PIN.
    """
    if not pin or not pin.isprintable():
        raise TokenFault(fault, "a PIN is printable text")


def read_certificate(certificate: bytes) -> asn1.Certificate:
    """A certificate (DER), whole, in parts that keep their bytes.

    Raises:
        ValueError: it is none.
    """
    read_der(certificate)  # strict, where asn1crypto looks at a part only when asked for it
    return asn1.Certificate.load(certificate, strict=True)
