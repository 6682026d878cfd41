"""The agent's settings from its environment and options. Secrets come from files that only their owner reads."""

import os
import re
import stat
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AnyUrl, Field, UrlConstraints, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from workbench.config import BadSettings
from workbench.production.tokens.choosing import DriverKind

PREFIX: Final = "WORKBENCH_AGENT_"
CREDENTIAL: Final = re.compile(r"wbs_[A-Za-z0-9_-]{43}")
LARGEST_SECRET: Final = 4096
"""Bytes of a file that holds one; more is another file."""

ServerUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["http", "https"], host_required=True)]


class AgentSettings(BaseSettings):
    """What an agent may be told. Environment names are WORKBENCH_AGENT_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    server: ServerUrl = Field(description="Where the workbench is reached; http to this machine alone.")
    credential_file: Path | None = Field(default=None, description="The station's credential, readable by its owner.")
    driver: DriverKind = Field(default=DriverKind.PKCS11, description="What stands between the agent and its tokens.")
    library: Path | None = Field(default=None, description="The PKCS #11 library that came with the tokens.")
    so_pin_file: Path | None = Field(default=None, description="The tokens' security officer's PIN.")
    token_folder: Path | None = Field(default=None, description="Where software tokens live.")
    ca_file: Path | None = Field(default=None, description="PEM: who vouches for the server; unset: the system's list.")
    language: Literal["zh", "en"] = Field(default="zh", description="What the agent speaks.")

    @field_validator("server", mode="after")
    @classmethod
    def _is_safe(cls, value: AnyUrl) -> AnyUrl:
        if value.scheme == "http" and not is_loopback(value.host or ""):
            raise ValueError("orders hold PINs: use https")
        if value.username or value.password or value.query or value.fragment:
            raise ValueError("an address without user, query and fragment")
        return value

    @property
    def base(self) -> str:
        """The server's address without a slash at the end."""
        return str(self.server).rstrip("/")

    @property
    def software(self) -> bool:
        """Whether the tokens are files of this machine: those of SoftHSM are, by whatever driver."""
        named = self.library is not None and "softhsm" in self.library.name.lower()
        return self.driver is not DriverKind.PKCS11 or named


def read_settings(**options: Any) -> AgentSettings:
    """The settings of this process; options that are not None go before the environment.

    Raises:
        BadSettings: naming each variable that cannot be used.
    """
    try:
        return AgentSettings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        lines = [
            f"  {PREFIX}{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors(include_input=False)
        ]
        raise BadSettings("The bench agent's settings cannot be used:\n" + "\n".join(lines)) from None


def read_secret(path: Path) -> str:
    """What a file of one line holds.

    Raises:
        BadSettings: it cannot be read, others may read it, or it is no such file.
    """
    try:
        # What is checked is what is read: the file is not looked up twice.
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LARGEST_SECRET + 1)
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise BadSettings(f"{path} may be read by others: chmod 600 {path}")
    try:
        secret = content.decode("ascii").strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret or not secret.isprintable() or len(content) > LARGEST_SECRET:
        raise BadSettings(f"{path} does not hold one line of plain text")
    return secret


def check_credential(value: str) -> str:
    """A station's credential, without what copying may have put around it.

    Raises:
        BadSettings: it is none.
    """
    found = value.strip()
    if not CREDENTIAL.fullmatch(found):
        raise BadSettings("This is no station's credential: it begins with wbs_ and has 47 characters.")
    return found


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
