"""What may be a PIN at all, asked before any library is given one: its own error could quote it."""

from workbench.production.tokens.driver import Fault, TokenFault


def require_pin(pin: str, fault: Fault = Fault.PIN_REFUSED) -> None:
    """Refuse what no token could take.

    Raises:
        TokenFault: `fault`, without the PIN.
    """
    if not pin or not pin.isprintable():
        raise TokenFault(fault, "a PIN is printable text")
