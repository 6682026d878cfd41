"""What server and bench agent tell each other: one kind of message each way, checked on both sides.

The agent takes turns: it reports what came of its last order and what is plugged in, and is told the next order or how
long to wait. An order may be given again after an interruption; doing it again makes nothing twice.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workbench.production.algorithms import Algorithm
from workbench.production.tokens.driver import Fault

VERSION: Final = 1
"""Of this protocol; a server tells an agent of another version to be brought up to date."""
TURN_PATH: Final = "/bench-agent/turn"
LARGEST_TURN: Final = 512 * 1024
"""Bytes of one report: a seal read back is the largest part of it."""

Serial = Annotated[str, StringConstraints(min_length=1, max_length=64)]
HexId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{2,64}$")]


class _Message(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,  # an error is logged, and the input may hold a PIN
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )


class Plugged(_Message):
    """A token that is plugged in at the agent's machine."""

    serial: Serial
    label: str = Field(max_length=64)
    model: str = Field(max_length=64)
    maker: str = Field(max_length=64)
    blank: bool


class Personalise(_Message):
    """Empty the token, set its PIN, make a key pair and sign a request.

    With `keep`, the token stays as it is and the pair is made beside the others, or found there by its id.
    """

    kind: Literal["personalise"] = "personalise"
    making: int
    serial: Serial
    label: str
    user_pin: str | None = Field(repr=False)
    """None when the holder is asked at the agent's own machine."""
    key_id: HexId
    algorithm: Algorithm
    subject: bytes
    keep: bool = False


class Write(_Message):
    """Write certificate and seal beside the key, then read everything back and sign the challenge."""

    kind: Literal["write"] = "write"
    making: int
    serial: Serial
    user_pin: str | None = Field(repr=False)
    key_id: HexId
    algorithm: Algorithm
    certificate: bytes
    seal: bytes | None
    seal_label: str
    challenge: HexId


class Remove(_Message):
    """Take a key pair that a renewal has replaced, with its certificate, off the token."""

    kind: Literal["remove"] = "remove"
    making: int
    serial: Serial
    user_pin: str | None = Field(repr=False)
    key_id: HexId


Order = Annotated[Personalise | Write | Remove, Field(discriminator="kind")]


class Failed(_Message):
    """The token did not do what was ordered. Without `fault` the agent itself failed."""

    kind: Literal["failed"] = "failed"
    making: int
    fault: Fault
    detail: str = Field(default="", max_length=500)


class Requested(_Message):
    """The token has a key pair, and this is its signed request."""

    kind: Literal["requested"] = "requested"
    making: int
    serial: Serial
    request: bytes
    token_seconds: float = Field(ge=0)


class Written(_Message):
    """What stands on the token now, as read back from it."""

    kind: Literal["written"] = "written"
    making: int
    serial: Serial
    certificate: bytes | None
    public_key: bytes
    signature: bytes
    seal: bytes | None
    key_is_bound: bool
    token_seconds: float = Field(ge=0)


class Removed(_Message):
    """The replaced key pair is gone."""

    kind: Literal["removed"] = "removed"
    making: int


Outcome = Annotated[Failed | Requested | Written | Removed, Field(discriminator="kind")]


class Turn(_Message):
    """What the agent says in its turn."""

    version: int
    agent: str = Field(max_length=40)
    algorithms: list[Algorithm]
    software: bool
    """Whether its tokens are files of this machine, as in development and trial."""
    plugged: list[Plugged] = Field(max_length=500)
    outcome: Outcome | None = None


class Answer(_Message):
    """What the server says: the next order, or none; how long to wait before the next turn; who works here."""

    order: Order | None = None
    wait_seconds: float = Field(ge=0, le=60)
    station: str
    maker: str | None = None
    done: bool = False
    """Nothing will be ordered here any more: a holder's agent ends."""
